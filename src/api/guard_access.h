#pragma once

#include <api/guard_table.h>

namespace etrt::detail {

/// The calling thread's innermost guard that lives; null when it has none. The entry stays readable until the thread
/// asks again or makes a guard, even where the guard ends on another thread meanwhile.
GuardEntry* innermost_guard() noexcept;

/// A call under the thread's innermost guard has enqueued its work; the events mark when its inputs are read, and its
/// end.
void enqueued_under_guard(cudaEvent_t inputs_consumed, cudaEvent_t completed) noexcept;

/// What the guard's stream is; found out now when no provider was loaded, or the stream was being captured, as the
/// guard began.
std::optional<cuda::StreamIdentity> identity(GuardEntry& guard);

/// What any stream is. None: no device is open, or none knows the handle.
std::optional<cuda::StreamIdentity> identify_stream(CUstream stream);

/// Where the first guard that ends out of order, or on another thread than its own, is told of from now on.
void log_guard_misuse_with(void (*log)(const char* message)) noexcept;

}  // namespace etrt::detail
