#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <cuda/waits.h>

namespace etrt::cuda {

Status synchronize(const Driver& driver, StreamRef stream) {
  ETRT_TRY_ASSIGN(const auto relaxed, RelaxedCapture::enter(driver));
  return check(driver, driver.cuStreamSynchronize(stream.get()), "cuStreamSynchronize");
}

Status synchronize(const Driver& driver, CUevent event) {
  ETRT_TRY_ASSIGN(const auto relaxed, RelaxedCapture::enter(driver));
  return check(driver, driver.cuEventSynchronize(event), "cuEventSynchronize");
}

bool wait_for_event(const Device& device, CUevent event) noexcept {
  const auto relaxed = RelaxedCapture::enter_for_cleanup(device.driver);
  return relaxed && (device.driver.cuEventSynchronize(event) == CUDA_SUCCESS || wait_for_device(device));
}

bool wait_for_stream(const Device& device, StreamRef stream) noexcept {
  const auto in_capture = is_in_capture(device.driver, stream);
  if (in_capture.ok() && *in_capture) return true;
  const auto relaxed = RelaxedCapture::enter_for_cleanup(device.driver);
  if (!relaxed) return false;
  // Where nobody can say whether the stream is in a capture, waiting for it could end one.
  if (in_capture.ok() && device.driver.cuStreamSynchronize(stream.get()) == CUDA_SUCCESS) return true;
  return wait_for_device(device);
}

/// In the primary context, which covers the green ones: a stream's handle may be another stream's by now.
bool wait_for_device(const Device& device) noexcept {
  const auto relaxed = RelaxedCapture::enter_for_cleanup(device.driver);
  const auto scope = CurrentContext::push_for_cleanup(device.driver, device.primary);
  return relaxed && scope.ok() && device.driver.cuCtxSynchronize() == CUDA_SUCCESS;
}

}  // namespace etrt::cuda
