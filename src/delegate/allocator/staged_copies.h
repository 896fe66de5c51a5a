#pragma once

#include <cstddef>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <delegate/streams/stream_selection.h>
#include <etrt/result.h>
#include <memory/device_pools.h>

namespace etrt::delegate {

/// The end of the last copy into one piece of device memory, so that what comes next can be ordered behind it without
/// the host. Threads: used by one at a time.
struct LastCopy {
  cuda::Event done;
  std::uint64_t stream_id = 0;  ///< 0: nothing is in flight
};

/// Copies between host and device on the stream that the calling thread's guard selects, so that they stay in its
/// partition and in its order. Staged through pinned memory, which is kept.
/// Threads: safe; an object lasts for one copy. The pools must outlive the copies in flight.
class StagedCopies {
 public:
  explicit StagedCopies(memory::DevicePools& pools) : pools_(pools), device_(pools.device()) {}

  /// The source may be overwritten on return. Under a guard the copy is then in flight; without one it is done.
  /// `last`, where given, is waited for on the stream first and marks this copy afterwards.
  Status to_device(CUdeviceptr target, const void* source, std::size_t bytes, LastCopy* last);

  /// The target holds the data on return: everything enqueued on the stream before has run.
  Status to_host(void* target, CUdeviceptr source, std::size_t bytes);

 private:
  Result<SelectedStream> select(const void* host) const;
  Status enqueue_to_device(const SelectedStream& selected, CUdeviceptr target, memory::PinnedPool::Block& block,
                           std::size_t bytes, LastCopy* last) const;
  void settle(cuda::StreamRef stream, memory::PinnedPool::Block& block) const;

  memory::DevicePools& pools_;
  const cuda::Device& device_;
};

}  // namespace etrt::delegate
