#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>

namespace etrt::cuda {

Result<CurrentContext> CurrentContext::ensure(const Driver& driver, CUdevice device, CUcontext primary) {
  CUdevice current = -1;
  const CUresult result = driver.cuCtxGetDevice(&current);
  if (result == CUDA_SUCCESS && current == device) return CurrentContext(nullptr);
  const bool none = result == CUDA_ERROR_INVALID_CONTEXT || result == CUDA_ERROR_CONTEXT_IS_DESTROYED;
  if (result != CUDA_SUCCESS && !none) {
    ETRT_TRY(check(driver, result, "cuCtxGetDevice"));
  }
  return push(driver, primary);
}

Result<CurrentContext> CurrentContext::push(const Driver& driver, CUcontext context) {
  ETRT_TRY(check(driver, driver.cuCtxPushCurrent(context), "cuCtxPushCurrent"));
  return CurrentContext(&driver);
}

CurrentContext::~CurrentContext() {
  if (pushed_on_ == nullptr) return;
  CUcontext popped = nullptr;
  static_cast<void>(pushed_on_->cuCtxPopCurrent(&popped));
}

}  // namespace etrt::cuda
