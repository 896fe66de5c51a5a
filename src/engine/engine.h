#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <engine/execution_context.h>
#include <engine/tensor_info.h>
#include <etrt/result.h>

namespace etrt::engine {

/// What the application may choose when an engine is loaded.
struct EngineOptions {
  /// Bytes of weights to keep on the device; the rest is streamed (TensorRT weight streaming). None: automatic.
  /// Execution of an engine that streams is synchronous, see `Engine::synchronous`.
  std::optional<std::int64_t> weight_streaming_budget = std::nullopt;

  /// The TensorRT library to open; empty: it is looked for.
  std::string tensorrt_library = {};

  /// A lean runtime of an older TensorRT (libnvinfer_lean.so.8), which runs version-compatible plans of that version
  /// that were built without one in them (TensorRT: IRuntime::loadRuntime). Empty: none.
  std::string lean_runtime_library = {};

  /// Libraries whose plugins the engine uses, loaded before it (TensorRT: IPluginRegistry::loadLibrary).
  std::vector<std::string> plugin_libraries = {};

  /// Whether an engine may bring host code of its own: version-compatible plans do, which the lean runtime then runs
  /// too (TensorRT: setEngineHostCodeAllowed). Only for files that are trusted as a program is.
  bool allow_engine_code = false;

  friend auto operator<=>(const EngineOptions&, const EngineOptions&) = default;
};

/// Bytes that an engine takes.
struct EngineMemory {
  std::size_t weights = 0;           ///< on the device
  std::size_t streamed_weights = 0;  ///< on the host, copied to the device piece by piece as the engine runs
  std::size_t context_maximum = 0;   ///< upper bound of `ExecutionContext::device_memory_bytes` of one context
  std::size_t host_copy = 0;         ///< on the host, the engine's own copy of its file; 0: it reads a mapped file
};

/// A loaded model that makes execution contexts. Shared by every handle that holds the same bytes on the same device.
/// Threads: safe once loaded. Must outlive its contexts.
class Engine {
 public:
  virtual ~Engine() = default;

  /// Inputs and outputs in the engine's own order.
  virtual std::span<const TensorInfo> tensors() const = 0;

  /// Whether `tensors` tells which outputs TensorRT itself has share an input's memory (`TensorInfo::aliased_input`).
  /// Otherwise an alias is what the program's file says of it.
  virtual bool knows_aliases() const { return false; }

  /// Number of optimization profiles, at least 1.
  virtual int profile_count() const { return 1; }

  /// What the engine takes, as far as it can tell.
  virtual EngineMemory memory() const { return {}; }

  /// Whether `ExecutionContext::enqueue` returns only once its work has run, and cannot be captured: TensorRT engines
  /// that stream their weights.
  virtual bool synchronous() const { return false; }

  /// Whether an enqueue is so many launches that a CUDA graph of it is worth having.
  virtual bool gains_by_graphs() const { return false; }

  /// Whether an execution may see what an earlier one of the same context left (mutable buffers of a nested program).
  /// Each context has state of its own, as loaded at first.
  virtual bool keeps_state() const { return false; }

  /// A context for one optimization profile; none: the profile that fits is chosen whenever shapes are resolved.
  virtual Result<std::unique_ptr<ExecutionContext>> create_context(std::optional<int> profile) = 0;
};

}  // namespace etrt::engine
