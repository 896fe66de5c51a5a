#pragma once

#include <optional>

#include <cuda.h>

namespace etrt::delegate {

/// The stream of ExecuTorch's own caller-stream guard on this thread, when its CUDA extension is in the process. The
/// extension is never linked: its getCallerStream() is looked up in every loaded library, also those that were loaded
/// RTLD_LOCAL (ExecuTorch: extension/cuda/caller_stream.h). Allocates nothing and takes no lock.
/// Threads: safe.
std::optional<CUstream> executorch_caller_stream();

/// Looks for the extension again where libraries were loaded since the last time. Called whenever a program is loaded:
/// asking at each call would take the loader's lock. Once found it stays loaded.
/// Threads: safe.
void refresh_executorch_caller_stream();

}  // namespace etrt::delegate
