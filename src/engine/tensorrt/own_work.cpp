#include <executorch/runtime/platform/log.h>

#include <cuda/relaxed_capture.h>
#include <cuda/waits.h>
#include <engine/tensorrt/own_work.h>

namespace etrt::engine::tensorrt {

bool wait_for_end(const cuda::Device& device, std::span<const CUstream> streams) {
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device.driver);
  if (!relaxed) return false;
  bool over = true;
  for (CUstream stream : streams) over = device.driver.cuStreamSynchronize(stream) == CUDA_SUCCESS && over;
  return over || cuda::wait_for_device(device);
}

void tell_abandoned(const char* what, const char* why) {
  ET_LOG(Error, "TensorRTBackend: %s: TensorRT's %s is abandoned with its memory", why, what);
}

}  // namespace etrt::engine::tensorrt
