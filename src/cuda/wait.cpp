#include <cuda/relaxed_capture.h>
#include <cuda/wait.h>

namespace etrt::cuda {
namespace {

/// The primary context's wait covers its green contexts too (CUDA: cuCtxSynchronize); what is current may be one of
/// these.
bool wait_for_device(const Driver& driver, CUcontext primary) noexcept {
  if (driver.cuCtxPushCurrent(primary) != CUDA_SUCCESS) return false;
  const bool over = driver.cuCtxSynchronize() == CUDA_SUCCESS;
  CUcontext popped = nullptr;
  static_cast<void>(driver.cuCtxPopCurrent(&popped));
  return over;
}

}  // namespace

bool wait_until_over(const Driver& driver, const LastUse& use) noexcept {
  const RelaxedCapture relaxed(driver);
  if (use.event && driver.cuEventSynchronize(*use.event) == CUDA_SUCCESS) return true;
  if (use.stream && driver.cuStreamSynchronize(use.stream->get()) == CUDA_SUCCESS) return true;
  return use.context != nullptr && wait_for_device(driver, use.context);
}

}  // namespace etrt::cuda
