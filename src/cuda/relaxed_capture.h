#pragma once

#include <cuda/driver.h>

namespace etrt::cuda {

/// A scope in which this thread's driver calls do not disturb a stream capture that is under way elsewhere: under
/// CUDA's default (global) capture mode a cuEventQuery or cuMemAlloc of any thread would invalidate it. Only for calls
/// that touch nothing of the capture itself (CUDA: cuThreadExchangeStreamCaptureMode).
/// Threads: a scope belongs to the thread that made it.
class RelaxedCapture {
 public:
  explicit RelaxedCapture(const Driver& driver) : driver_(driver) {
    exchanged_ = driver_.cuThreadExchangeStreamCaptureMode(&mode_) == CUDA_SUCCESS;
  }
  ~RelaxedCapture() {
    if (exchanged_) static_cast<void>(driver_.cuThreadExchangeStreamCaptureMode(&mode_));
  }
  RelaxedCapture(const RelaxedCapture&) = delete;
  RelaxedCapture& operator=(const RelaxedCapture&) = delete;

 private:
  const Driver& driver_;
  CUstreamCaptureMode mode_ = CU_STREAM_CAPTURE_MODE_RELAXED;
  bool exchanged_;
};

}  // namespace etrt::cuda
