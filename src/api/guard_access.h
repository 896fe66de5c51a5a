#pragma once

#include <optional>

#include <cuda/stream_identity.h>
#include <etrt/stream_guard.h>

namespace etrt::detail {

/// What the delegate may see of the calling thread's innermost guard.
struct GuardAccess {
  /// Null when the thread has no guard.
  static StreamGuard* innermost() noexcept;

  /// A call under the thread's innermost guard has enqueued its work; the events mark when its inputs are read, and its
  /// end.
  static void enqueued(cudaEvent_t inputs_consumed, cudaEvent_t completed) noexcept;

  static cudaStream_t stream(const StreamGuard& guard) noexcept { return guard.stream_; }

  /// What the guard's stream is; found out now when no provider was loaded, or the stream was being captured, as the
  /// guard began.
  static std::optional<cuda::StreamIdentity> identity(StreamGuard& guard);

  /// What any stream is. None: no device is open, or none knows the handle.
  static std::optional<cuda::StreamIdentity> identify(CUstream stream);

 private:
  friend class etrt::StreamGuard;
  static void resolve(StreamGuard& guard) noexcept;
};

}  // namespace etrt::detail
