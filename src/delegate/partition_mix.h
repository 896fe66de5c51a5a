#pragma once

#include <atomic>

#include <cuda/device.h>
#include <cuda/refs.h>

namespace etrt::delegate {

/// Notices, for the whole process, when programs run inside SM partitions and outside of any at once, and says so in
/// the log, once: work outside a partition may run on a partition's SMs too and disturb it (docs/gpu.md has figures).
/// Threads: safe.
class PartitionMix {
 public:
  /// A program has begun to use this stream. One driver call.
  void note(const cuda::Device& device, cuda::StreamRef stream);

  /// Whether both kinds have been seen.
  bool is_mixed() const { return inside_ && outside_; }

 private:
  std::atomic<bool> inside_{false};
  std::atomic<bool> outside_{false};
  std::atomic<bool> said_{false};
};

}  // namespace etrt::delegate
