#pragma once

#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/export.h>
#include <etrt/result.h>

namespace etrt {

/// A point in a stream's work. An event recorded on a partition's stream stays valid after stream and partition are
/// gone (measured on an H200, see docs/gpu.md).
/// Threads: safe, as CUDA's events.
class ETRT_API Event {
 public:
  /// An event without timing: the cheapest to record and wait for.
  static Result<Event> create(const Device& device);

  Event(Event&& other) noexcept;
  Event& operator=(Event&& other) noexcept;
  ~Event();

  /// Marks the point that the stream's work has reached; replaces an earlier record.
  Status record(cudaStream_t stream);

  /// Blocks the host until the recorded point is reached; returns at once when nothing was recorded.
  Status synchronize() const;

  /// Whether the recorded point is reached. Never blocks.
  Result<bool> is_done() const;

  cudaEvent_t get() const noexcept { return handle_; }

 private:
  Event(const Device& device, cudaEvent_t handle) noexcept : device_(device), handle_(handle) {}

  Device device_;
  cudaEvent_t handle_;
};

}  // namespace etrt
