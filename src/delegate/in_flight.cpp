#include <base/try.h>
#include <cuda/error.h>
#include <delegate/in_flight.h>

namespace etrt::delegate {

Status InFlight::record(CUevent event) {
  return cuda::check(driver_, driver_.cuEventRecord(event, stream_.get()), "cuEventRecord");
}

Status InFlight::wait() {
  ETRT_TRY(cuda::check(driver_, driver_.cuStreamSynchronize(stream_.get()), "cuStreamSynchronize"));
  pending_ = false;
  return {};
}

void InFlight::settle() noexcept {
  if (!pending_) return;
  pending_ = false;
  // Captured work does not run, and waiting would break the capture.
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_NONE;
  if (driver_.cuStreamIsCapturing(stream_.get(), &capture) == CUDA_SUCCESS &&
      capture != CU_STREAM_CAPTURE_STATUS_NONE) {
    return;
  }
  if (driver_.cuStreamSynchronize(stream_.get()) == CUDA_SUCCESS) return;
  // The stream cannot be waited for; the whole context can, unless the device itself is lost.
  static_cast<void>(driver_.cuCtxSynchronize());
}

}  // namespace etrt::delegate
