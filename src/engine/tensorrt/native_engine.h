#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <engine/engine.h>
#include <engine/tensorrt/answered_calls.h>
#include <engine/tensorrt/library.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// TensorRT's engine (ICudaEngine) and the IRuntime that made it, which must outlive it and holds its plugins. Each has
/// a runtime of its own: TensorRT lets one thread at a time use a runtime, and engines of different plans load side by
/// side. A plan that needs the lean runtime of its version has that one, loaded by the library's.
/// Threads: as TensorRT's engine.
class NativeEngine {
 public:
  /// The device's context must be current, and the logger outlive the engine. Errors hold TensorRT's own reason.
  static Result<NativeEngine> load(const Library& library, nvinfer1::ILogger& logger, std::span<const std::byte> plan,
                                   const EngineOptions& options);

  NativeEngine(NativeEngine&&) = default;
  NativeEngine& operator=(NativeEngine&&) = delete;

  nvinfer1::ICudaEngine& operator*() const { return *engine_; }
  nvinfer1::ICudaEngine* operator->() const { return engine_.get(); }

  /// The input whose memory the output shares, or null: see `knows_aliases`.
  const char* aliased_input(const char* output) const;

  /// Whether TensorRT tells of aliases, which the headers, the library and the plan's writer must all know.
  bool knows_aliases() const;

  /// What may be asked of the engine and its contexts.
  const AnsweredCalls& calls() const { return calls_; }

  /// Leaves both to run on for ever, for work that may still use them.
  void abandon() noexcept;
  void reset() noexcept;

 private:
  NativeEngine() = default;

  Status make_runtime(const Library& library, nvinfer1::ILogger& logger);
  Status load_lean_runtime(const std::string& path);
  Status load_plugins(std::span<const std::string> libraries);
  Status deserialize(std::span<const std::byte> plan);

  std::unique_ptr<nvinfer1::IRuntime> library_runtime_;  ///< that loaded the lean runtime, if there is one
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  AnsweredCalls calls_{};
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
