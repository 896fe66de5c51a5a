#pragma once

#include <optional>
#include <utility>

#include <base/try.h>
#include <cuda/error.h>

namespace etrt::cuda {

/// A scope in which this thread's driver calls do not disturb a stream capture that is under way elsewhere: under
/// CUDA's default (global) capture mode a cuEventQuery or cuMemAlloc of any thread would invalidate it. Only for calls
/// that touch nothing of the capture itself (CUDA: cuThreadExchangeStreamCaptureMode). Ends with the thread in the mode
/// that it had.
/// Threads: a scope belongs to the thread that made it. The table must outlive it.
class RelaxedCapture {
 public:
  /// An error where the driver refuses: a call made all the same might break somebody's capture.
  static Result<RelaxedCapture> enter(const Driver& driver) {
    RelaxedCapture scope;
    ETRT_TRY(check(driver, scope.exchange_on(driver), "cuThreadExchangeStreamCaptureMode"));
    return scope;
  }

  /// For cleanup, which has nobody to tell: a driver that refuses once is asked again. None: whoever cleans up makes no
  /// call that a capture forbids, and abandons what it would have freed, since a leak is no wrong result.
  static std::optional<RelaxedCapture> enter_for_cleanup(const Driver& driver) noexcept {
    RelaxedCapture scope;
    if (scope.exchange_on(driver) != CUDA_SUCCESS && scope.exchange_on(driver) != CUDA_SUCCESS) return std::nullopt;
    return scope;
  }

  RelaxedCapture(RelaxedCapture&& other) noexcept
      : exchanged_on_(std::exchange(other.exchanged_on_, nullptr)), mode_(other.mode_) {}
  RelaxedCapture& operator=(RelaxedCapture&&) = delete;
  ~RelaxedCapture() {
    if (exchanged_on_ == nullptr || exchanged_on_->cuThreadExchangeStreamCaptureMode(&mode_) == CUDA_SUCCESS) return;
    // A thread left in relaxed mode would no longer be told of calls that break its captures.
    static_cast<void>(exchanged_on_->cuThreadExchangeStreamCaptureMode(&mode_));
  }

 private:
  RelaxedCapture() = default;

  CUresult exchange_on(const Driver& driver) noexcept {
    const CUresult result = driver.cuThreadExchangeStreamCaptureMode(&mode_);
    if (result == CUDA_SUCCESS) exchanged_on_ = &driver;
    return result;
  }

  const Driver* exchanged_on_ = nullptr;
  CUstreamCaptureMode mode_ = CU_STREAM_CAPTURE_MODE_RELAXED;
};

}  // namespace etrt::cuda
