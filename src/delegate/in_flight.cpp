#include <base/try.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <delegate/in_flight.h>

namespace etrt::delegate {

Status InFlight::record(CUevent event) {
  return cuda::check(driver_, driver_.cuEventRecord(event, stream_.get()), "cuEventRecord");
}

Status InFlight::wait() {
  const cuda::RelaxedCapture relaxed(driver_);
  ETRT_TRY(cuda::check(driver_, driver_.cuStreamSynchronize(stream_.get()), "cuStreamSynchronize"));
  pending_ = false;
  return {};
}

void InFlight::settle() noexcept {
  if (!pending_) return;
  pending_ = false;
  // Captured work does not run, and waiting would break the capture.
  if (const auto in_capture = cuda::is_in_capture(driver_, stream_); in_capture.ok() && *in_capture) return;
  const cuda::RelaxedCapture relaxed(driver_);
  if (driver_.cuStreamSynchronize(stream_.get()) == CUDA_SUCCESS) return;
  // The stream cannot be waited for; the whole context can, unless the device itself is lost.
  static_cast<void>(driver_.cuCtxSynchronize());
}

}  // namespace etrt::delegate
