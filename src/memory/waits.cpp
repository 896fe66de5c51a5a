#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <memory/waits.h>

namespace etrt::memory {
namespace {

/// In the primary context, which covers the green ones: a stream's handle may be another stream's by now.
bool wait_for_device(const cuda::Device& device) noexcept {
  const auto scope = cuda::CurrentContext::push(device.driver, device.primary);
  return scope.ok() && device.driver.cuCtxSynchronize() == CUDA_SUCCESS;
}

}  // namespace

bool wait_for_event(const cuda::Device& device, CUevent event) noexcept {
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device.driver);
  if (!relaxed) return false;
  return device.driver.cuEventSynchronize(event) == CUDA_SUCCESS || wait_for_device(device);
}

bool wait_for_stream(const cuda::Device& device, cuda::StreamRef stream) noexcept {
  const auto in_capture = cuda::is_in_capture(device.driver, stream);
  if (in_capture.ok() && *in_capture) return true;
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device.driver);
  if (!relaxed) return false;
  // Where nobody can say whether the stream is in a capture, waiting for it could end one.
  if (in_capture.ok() && device.driver.cuStreamSynchronize(stream.get()) == CUDA_SUCCESS) return true;
  return wait_for_device(device);
}

}  // namespace etrt::memory
