#pragma once

#include <process/partition_mix.h>

namespace etrt::delegate {

/// A program has begun to use this stream. Logs, once, that programs run inside SM partitions and outside of any.
/// Threads: safe.
void note_partition(process::PartitionMix& mix, const cuda::Device& device, cuda::StreamRef stream);

}  // namespace etrt::delegate
