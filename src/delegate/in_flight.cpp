#include <base/try.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/wait.h>
#include <delegate/in_flight.h>

namespace etrt::delegate {

InFlight::~InFlight() {
  if (!pending_ || stream_.in_capture) return;
  if (!cuda::wait_until_over(device_.driver, {.stream = stream_.stream, .context = device_.primary})) unproven_ = true;
}

Status InFlight::wait() {
  const cuda::RelaxedCapture relaxed(device_.driver);
  ETRT_TRY(
      cuda::check(device_.driver, device_.driver.cuStreamSynchronize(stream_.stream.get()), "cuStreamSynchronize"));
  pending_ = false;
  return {};
}

}  // namespace etrt::delegate
