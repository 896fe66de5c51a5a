#include <cuda/relaxed_capture.h>
#include <engine/tensorrt/own_work.h>

namespace etrt::engine::tensorrt {

Result<cuda::CurrentContext> push_primary(const cuda::Device& device) {
  auto scope = cuda::CurrentContext::push(device.driver, device.primary);
  if (scope.ok()) return scope;
  return cuda::CurrentContext::push(device.driver, device.primary);
}

bool wait_for_end(const cuda::Device& device, std::span<const CUstream> streams) {
  const cuda::Driver& driver = device.driver;
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(driver);
  if (!relaxed) return false;
  bool over = true;
  for (CUstream stream : streams) over = driver.cuStreamSynchronize(stream) == CUDA_SUCCESS && over;
  return over || wait_for_context(device);
}

bool wait_for_context(const cuda::Device& device) {
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device.driver);
  if (!relaxed) return false;
  const auto scope = push_primary(device);
  return scope.ok() && device.driver.cuCtxSynchronize() == CUDA_SUCCESS;
}

}  // namespace etrt::engine::tensorrt
