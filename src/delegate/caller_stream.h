#pragma once

#include <optional>

#include <cuda.h>

namespace etrt::delegate {

/// The stream of ExecuTorch's own caller-stream guard on this thread, when its CUDA extension is in the process. The
/// extension is never linked: its getCallerStream() is looked up among the loaded libraries (ExecuTorch:
/// extension/cuda/caller_stream.h).
/// Threads: safe.
std::optional<CUstream> executorch_caller_stream();

/// Looks for the extension again; it may have been loaded since. Called whenever a program is loaded.
void refresh_executorch_caller_stream();

}  // namespace etrt::delegate
