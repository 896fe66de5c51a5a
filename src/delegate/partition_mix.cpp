#include <executorch/runtime/platform/log.h>

#include <delegate/partition_mix.h>

namespace etrt::delegate {

void PartitionMix::note(const cuda::Device& device, cuda::StreamRef stream) {
  if (!device.driver.cuStreamGetGreenCtx || is_mixed()) return;
  CUgreenCtx green = nullptr;
  if (device.driver.cuStreamGetGreenCtx(stream.get(), &green) != CUDA_SUCCESS) return;
  (green != nullptr ? inside_ : outside_) = true;
  if (is_mixed() && !said_.exchange(true)) {
    ET_LOG(Info,
           "TensorRTBackend: programs run inside SM partitions and outside of any. Work outside may run on a "
           "partition's SMs too and add to its latency: give every stream a partition where latency matters.");
  }
}

}  // namespace etrt::delegate
