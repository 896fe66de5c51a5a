#pragma once

#include <cstddef>
#include <memory/pinned_pool.h>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <delegate/stream_selection.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// The end of the last copy into one piece of device memory, so that what comes next can be ordered behind it without
/// the host. Threads: used by one at a time.
struct LastCopy {
  cuda::Event done;
  std::uint64_t stream_id = 0;  ///< 0: nothing is in flight
};

/// Copies between host and device on the stream that the calling thread's guard selects, so that they stay in its
/// partition and in its order. Staged through pinned memory, which is kept.
/// Threads: safe. Must live as long as copies are in flight; the process's one never ends.
class StagedCopies {
 public:
  explicit StagedCopies(const cuda::Device& device) : device_(device), to_device_(device), to_host_(device) {}

  /// The source may be overwritten on return. Under a guard the copy is then in flight; without one it is done.
  /// `last`, where given, is waited for on the stream first and marks this copy afterwards.
  Status to_device(CUdeviceptr target, const void* source, std::size_t bytes, LastCopy* last);

  /// The target holds the data on return: everything enqueued on the stream before has run.
  Status to_host(void* target, CUdeviceptr source, std::size_t bytes);

 private:
  Result<SelectedStream> select(const void* host) const;
  Status enqueue_to_device(const SelectedStream& selected, CUdeviceptr target, const std::byte* staged,
                           std::size_t bytes, const LastCopy* last) const;

  const cuda::Device& device_;
  // Apart, so that a copy to the host never allocates because the copy before it is still in flight.
  memory::PinnedPool to_device_;
  memory::PinnedPool to_host_;
};

}  // namespace etrt::delegate
