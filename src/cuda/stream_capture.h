#pragma once

#include <base/try.h>
#include <cuda/error.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// Whether the stream is being captured into a graph, or the capture is broken already.
inline Result<bool> is_in_capture(const Driver& driver, StreamRef stream) {
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_NONE;
  ETRT_TRY(check(driver, driver.cuStreamIsCapturing(stream.get(), &capture), "cuStreamIsCapturing"));
  return capture != CU_STREAM_CAPTURE_STATUS_NONE;
}

}  // namespace etrt::cuda
