#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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

/// The TensorRT libraries that were opened.
/// Threads: safe. Libraries live as long as it does, and stay in the process for good.
class OpenLibraries {
 public:
  /// Opens a library by path, or by name with the loader's own search. A second call gives the same object.
  /// `kNotFound` when there is none, `kNotSupported` when it lacks an entry point.
  Result<const Library*> open(const std::string& path);

 private:
  std::mutex mutex_;
  std::map<void*, std::unique_ptr<const Library>> by_handle_;
};

}  // namespace etrt::engine::tensorrt
