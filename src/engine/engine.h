#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <engine/execution_context.h>
#include <engine/tensor_info.h>
#include <etrt/result.h>

namespace etrt::engine {

/// What the application may choose when an engine is loaded.
struct EngineOptions {
  /// Bytes of weights to keep on the device; the rest is streamed (TensorRT weight streaming). None: automatic.
  std::optional<std::int64_t> weight_streaming_budget;

  friend bool operator==(const EngineOptions&, const EngineOptions&) = default;
};

/// A loaded model that makes execution contexts. Shared by every handle that holds the same bytes on the same device.
/// Threads: safe once loaded. Must outlive its contexts.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Inputs and outputs in the engine's own order.
  virtual std::span<const TensorInfo> tensors() const = 0;

  /// Number of optimization profiles, at least 1.
  virtual int profile_count() const { return 1; }

  /// A context for one optimization profile; none: the profile that fits is chosen whenever shapes are resolved.
  virtual Result<std::unique_ptr<ExecutionContext>> create_context(std::optional<int> profile) = 0;
};

}  // namespace etrt::engine
