#pragma once

#include <atomic>

#include <cuda/device.h>
#include <cuda/refs.h>

namespace etrt::process {

/// Notices, for the whole process, when programs run inside SM partitions and outside of any at once: work outside a
/// partition may run on a partition's SMs too and disturb it (docs/gpu.md has figures).
/// Threads: safe.
class PartitionMix {
 public:
  /// A program has begun to use this stream. True once: both kinds have been seen, which the user should be told. One
  /// driver call, none after that.
  bool note(const cuda::Device& device, cuda::StreamRef stream);

 private:
  bool is_mixed() const { return inside_ && outside_; }

  std::atomic<bool> inside_{false};
  std::atomic<bool> outside_{false};
  std::atomic<bool> said_{false};
};

}  // namespace etrt::process
