#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <cuda/device.h>
#include <engine/tensorrt/library.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// TensorRT's IRuntime, with the plugin libraries loaded into it. Threads: safe.
class Runtime {
 public:
  explicit Runtime(std::unique_ptr<nvinfer1::IRuntime> runtime) : runtime_(std::move(runtime)) {}

  /// Loads each library once.
  Status load_plugins(const std::vector<std::string>& libraries);

  /// Plans load side by side: TensorRT allows it. The error holds TensorRT's own reason.
  Result<std::unique_ptr<nvinfer1::ICudaEngine>> deserialize(std::span<const std::byte> plan);

 private:
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::mutex mutex_;  ///< of the plugins
  std::set<std::string> plugins_;
};

/// One runtime for each library and device, and one more for plans that may bring code. All are kept, with the one
/// logger that TensorRT wants.
/// Threads: safe. In a process it is never destroyed: TensorRT may be unloading when static objects are.
class MadeRuntimes {
 public:
  /// The device's context must be current.
  Result<Runtime*> runtime_of(const Library& library, const cuda::Device& device, bool allow_engine_code);

 private:
  using Key = std::tuple<const Library*, const cuda::Driver*, CUdevice, bool>;

  Logger logger_;
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<Runtime>> all_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
