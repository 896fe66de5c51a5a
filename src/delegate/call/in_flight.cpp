#include <base/try.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <delegate/call/in_flight.h>
#include <memory/waits.h>

namespace etrt::delegate {

InFlight::~InFlight() {
  if (!pending_ || stream_.in_capture) return;
  if (!memory::wait_for_stream(device_, stream_.stream)) unproven_ = true;
}

Status InFlight::wait() {
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device_.driver));
  ETRT_TRY(
      cuda::check(device_.driver, device_.driver.cuStreamSynchronize(stream_.stream.get()), "cuStreamSynchronize"));
  pending_ = false;
  return {};
}

}  // namespace etrt::delegate
