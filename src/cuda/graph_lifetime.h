#pragma once

#include <memory>

#include <cuda/driver.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// Makes the graph that `stream` is being captured into keep `held` (CUDA: user objects). It is let go of when that
/// graph and all that was instantiated from it are destroyed and their launches have ended, or when the capture fails:
/// some time later, on a thread of the driver's, where its destructor must neither call the driver nor block.
///
/// `kNotSupported`: the driver has no user objects; `kInvalidState`: the stream is in no capture, or in a broken one.
/// After an error nothing keeps `held` for long. The capture stays as it was.
/// Threads: safe; the caller sees to it that nobody ends the capture meanwhile.
Status keep_with_captured_graph(const Driver& driver, StreamRef stream, std::shared_ptr<void> held);

}  // namespace etrt::cuda
