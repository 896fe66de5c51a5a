#include <base/try.h>
#include <cuda/waits.h>
#include <delegate/call/in_flight.h>

namespace etrt::delegate {

InFlight::~InFlight() {
  if (!pending_ || stream_.in_capture) return;
  if (!cuda::wait_for_stream(device_, stream_.stream)) unproven_ = true;
}

Status InFlight::wait() {
  ETRT_TRY(cuda::synchronize(device_.driver, stream_.stream));
  pending_ = false;
  return {};
}

}  // namespace etrt::delegate
