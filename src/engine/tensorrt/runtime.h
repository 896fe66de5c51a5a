#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <cuda/device.h>
#include <engine/tensorrt/library.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// TensorRT's IRuntime: one for each library and device, and one more for plans that may bring code. Kept for the life
/// of the process, with the plugin libraries loaded into it. Threads: safe.
class Runtime {
 public:
  /// The device's context must be current.
  static Result<Runtime*> of(const Library& library, const cuda::Device& device, bool allow_engine_code);

  /// Loads each library once.
  Status load_plugins(const std::vector<std::string>& libraries);

  /// The error holds TensorRT's own reason.
  Result<std::unique_ptr<nvinfer1::ICudaEngine>> deserialize(std::span<const std::byte> plan);

 private:
  explicit Runtime(std::unique_ptr<nvinfer1::IRuntime> runtime) : runtime_(std::move(runtime)) {}

  std::mutex mutex_;
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::set<std::string> plugins_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
