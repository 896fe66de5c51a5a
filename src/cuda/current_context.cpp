#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>

namespace etrt::cuda {

namespace {

/// A context that was destroyed while it is current still tells its device (seen on an H100); its legacy stream, which
/// a green context has too, tells the truth.
bool is_alive_on(const Driver& driver, CUdevice device) {
  CUdevice found = -1;
  CUcontext context = nullptr;
  return driver.cuCtxGetDevice(&found) == CUDA_SUCCESS && found == device &&
         driver.cuStreamGetCtx(CU_STREAM_LEGACY, &context) == CUDA_SUCCESS;
}

}  // namespace

Result<CurrentContext> CurrentContext::ensure(const Driver& driver, CUdevice device, CUcontext primary) {
  CUcontext current = nullptr;
  ETRT_TRY(check(driver, driver.cuCtxGetCurrent(&current), "cuCtxGetCurrent"));
  if (current == primary || (current != nullptr && is_alive_on(driver, device))) return CurrentContext(nullptr);
  return push(driver, primary);
}

Result<CurrentContext> CurrentContext::push(const Driver& driver, CUcontext context) {
  ETRT_TRY(check(driver, driver.cuCtxPushCurrent(context), "cuCtxPushCurrent"));
  return CurrentContext(&driver);
}

Result<CurrentContext> CurrentContext::push_for_cleanup(const Driver& driver, CUcontext context) {
  auto scope = push(driver, context);
  if (scope.ok()) return scope;
  return push(driver, context);
}

CurrentContext::~CurrentContext() {
  if (pushed_on_ == nullptr) return;
  CUcontext popped = nullptr;
  static_cast<void>(pushed_on_->cuCtxPopCurrent(&popped));
}

}  // namespace etrt::cuda
