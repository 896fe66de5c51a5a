#pragma once

#include <optional>

#include <etrt/cuda_handles.h>
#include <etrt/export.h>

namespace etrt {

namespace detail {
struct GuardEntry;
}

/// Chooses, for the calling thread and the guard's lifetime, the CUDA stream on which programs delegated to
/// TensorRTBackend run. Guards nest: the innermost counts, and its end brings back the one around it, an exception's
/// way out included.
///
/// With a guard, execution is asynchronous where it can be: when all inputs and outputs are device memory, `execute()`
/// returns with the work enqueued, and the caller synchronises its stream before it reads the outputs. Host inputs may
/// be overwritten when the call returns; host outputs are ready when it returns. docs/contract.md has every case.
///
/// Any stream can be chosen, CUDA's null stream too. The caller owns it; it must outlive the guard, and it must belong
/// to the program's device, which is checked when a program runs. A stream of a green context confines the program to
/// that context's SMs; the green context itself need not be current.
///
/// Three driver calls are made when a guard begins, to learn the stream's device, identity and whether it is being
/// captured. A program that runs on it asks only the last again, unless it was: then all three.
/// Threads: a guard acts on the thread that made it, and should end there, in reverse order of creation. One that ends
/// otherwise is told of once, in ExecuTorch's log; those that live go on to count in the order in which they began.
class ETRT_API StreamGuard {
 public:
  explicit StreamGuard(cudaStream_t stream) noexcept;
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

  /// The stream of the calling thread's innermost guard; none when it has no guard.
  static std::optional<cudaStream_t> current() noexcept;

 private:
  /// What etrt keeps of the guard is its own, and may change without those who were compiled with this header.
  detail::GuardEntry* entry_;
};

/// The CUDA event that marks the end of the last program executed under the calling thread's innermost guard; none
/// when nothing has been executed there yet, or without a guard. To let another stream go on from there without a
/// wait on the host:
///
///   auto done = etrt::last_completion();
///   other_stream.wait(*done);
///
/// The event is the program's: it lives until the program is destroyed, and is recorded again by a later call of it
/// (after at least as many as may be in flight, or one on the same stream), which a wait that comes late then covers as
/// well. In a capture it is an event of that capture.
ETRT_API std::optional<cudaEvent_t> last_completion() noexcept;

/// The same for the point from which on the inputs may be overwritten, which can come long before the outputs are there
/// (TensorRT: setInputConsumedEvent). Engines that do not tell it have the event of `last_completion`. An input that an
/// output updates in place is no such input: it is done at the completion.
ETRT_API std::optional<cudaEvent_t> last_inputs_consumed() noexcept;

}  // namespace etrt
