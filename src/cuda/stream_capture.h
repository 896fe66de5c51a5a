#pragma once

#include <base/try.h>
#include <cuda/error.h>
#include <cuda/owners.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// Whether the stream is being captured into a graph, or the capture is broken already.
inline Result<bool> is_in_capture(const Driver& driver, StreamRef stream) {
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_NONE;
  ETRT_TRY(check(driver, driver.cuStreamIsCapturing(stream.get(), &capture), "cuStreamIsCapturing"));
  return capture != CU_STREAM_CAPTURE_STATUS_NONE;
}

/// Whether the driver has all that a capture and a launch of its graph need.
inline bool has_captures(const Driver& driver) {
  return driver.cuStreamBeginCapture && driver.cuStreamEndCapture && driver.cuGraphLaunch;
}

/// Begins a capture that disturbs no other thread (CUDA: thread-local capture mode). The stream's context is current.
Status begin_capture(const Driver& driver, StreamRef stream);

/// The graph of the capture that ends here, on the thread that began it. It is over after an error, too.
Result<Graph> end_capture(const Driver& driver, StreamRef stream);

/// Makes the graph launchable, and lets go of it, without disturbing captures elsewhere.
Result<GraphExec> instantiate(const Driver& driver, Graph graph);

}  // namespace etrt::cuda
