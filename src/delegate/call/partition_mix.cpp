#include <executorch/runtime/platform/log.h>

#include <delegate/call/partition_mix.h>

namespace etrt::delegate {

void note_partition(process::PartitionMix& mix, const cuda::Device& device, cuda::StreamRef stream) {
  if (!mix.note(device, stream)) return;
  ET_LOG(Info,
         "TensorRTBackend: programs run inside SM partitions and outside of any. Work outside may run on a "
         "partition's SMs too and add to its latency: give every stream a partition where latency matters.");
}

}  // namespace etrt::delegate
