#include <process/partition_mix.h>

namespace etrt::process {

bool PartitionMix::note(const cuda::Device& device, cuda::StreamRef stream) {
  if (!device.driver.cuStreamGetGreenCtx || is_mixed()) return false;
  CUgreenCtx green = nullptr;
  if (device.driver.cuStreamGetGreenCtx(stream.get(), &green) != CUDA_SUCCESS) return false;
  (green != nullptr ? inside_ : outside_) = true;
  return is_mixed() && !said_.exchange(true);
}

}  // namespace etrt::process
