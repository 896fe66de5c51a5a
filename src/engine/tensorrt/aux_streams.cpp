#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <cuda/waits.h>
#include <engine/tensorrt/aux_streams.h>
#include <engine/tensorrt/own_work.h>

namespace etrt::engine::tensorrt {

Result<std::span<CUstream>> AuxStreams::streams_for(cuda::StreamRef stream) {
  given_ = {};
  auto streams = streams_.streams_for(stream);
  if (streams.ok()) given_ = *streams;
  return streams;
}

bool AuxStreams::drain(cuda::StreamRef stream) {
  // Waiting for a stream that is in capture would break the capture, so one that may be is not waited for.
  const auto in_capture = cuda::is_in_capture(device_.driver, stream);
  if (in_capture.ok() && *in_capture) return true;
  if (in_capture.ok() && wait_for_end(device_, given_)) return true;
  is_at_work_ = true;
  return join(stream).ok();
}

Status AuxStreams::join(cuda::StreamRef stream) const {
  const cuda::Driver& driver = device_.driver;
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(driver));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push_for_cleanup(driver, device_.primary));
  ETRT_TRY_ASSIGN(const auto event, cuda::create_event(driver));
  for (CUstream aux : given_) {
    ETRT_TRY(cuda::check(driver, driver.cuEventRecord(event.get(), aux), "cuEventRecord"));
    ETRT_TRY(cuda::check(driver, driver.cuStreamWaitEvent(stream.get(), event.get(), 0), "cuStreamWaitEvent"));
  }
  return {};
}

bool AuxStreams::settle() {
  if (!is_at_work_) return true;
  // The streams may be gone by now, their work need not.
  is_at_work_ = !cuda::wait_for_device(device_);
  return !is_at_work_;
}

}  // namespace etrt::engine::tensorrt
