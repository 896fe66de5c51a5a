#pragma once

#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/event.h>
#include <etrt/export.h>
#include <etrt/result.h>

namespace etrt {

/// A CUDA stream that its holder owns: work enqueued on it runs in order. Made non-blocking: it does not synchronise
/// with CUDA's legacy default stream.
///
/// Destroying it returns at once; work that is enqueued still runs (CUDA: cuStreamDestroy).
/// Threads: safe, as CUDA's streams.
class ETRT_API Stream {
 public:
  /// A stream of the whole device. For one inside a partition see `Partition::create_stream`.
  static Result<Stream> create(const Device& device);

  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&& other) noexcept;
  ~Stream();

  /// Blocks the host until everything enqueued so far has run.
  Status synchronize() const;

  /// Whether everything enqueued so far has run. Never blocks.
  Result<bool> is_done() const;

  /// Later work of this stream waits for the event's recorded point, on the device; the host does not block.
  Status wait(const Event& event) const { return wait(event.get()); }

  /// The same for an event that is somebody else's, `last_completion()` for one.
  Status wait(cudaEvent_t event) const;

  /// The CUDA handle, for StreamGuard and for CUDA's own calls.
  cudaStream_t get() const noexcept { return handle_; }
  const Device& device() const noexcept { return device_; }

 private:
  friend class Partition;
  Stream(const Device& device, cudaStream_t handle) noexcept : device_(device), handle_(handle) {}

  Device device_;
  cudaStream_t handle_;
};

}  // namespace etrt
