#pragma once

#include <cstdint>
#include <string>

#include <engine/tensorrt/version.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt {

/// An opened TensorRT library. Never closed: engines made by it may live as long as the process.
/// Threads: immutable.
struct Library {
  /// TensorRT's createInferRuntime_INTERNAL: takes an ILogger and the version of the headers, gives an IRuntime.
  using CreateRuntime = void* (*)(void* logger, std::int32_t version);

  std::string path;  ///< the file that the loader found
  Version version;
  CreateRuntime create_runtime;
};

/// Opens a library by path, or by name with the loader's own search. A second call gives the same object.
/// `kNotFound` when there is none, `kNotSupported` when it lacks an entry point.
/// Threads: safe.
Result<const Library*> open_library(const std::string& path);

}  // namespace etrt::engine::tensorrt
