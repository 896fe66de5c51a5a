#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <cuda/device.h>
#include <engine/engine.h>
#include <etrt/result.h>

namespace etrt::engine {

/// What a blob says of where an engine runs.
struct Target {
  std::string_view name = {};        ///< free text, such as "sm_89" or "linux_x86_64"
  bool hardware_compatible = false;  ///< built for newer GPUs as well (TensorRT: HardwareCompatibilityLevel)
};

/// One kind of engine, as a blob names it: "program", "tensorrt", "tensorrt_rtx".
/// Threads: safe. Must outlive its engines.
class Loader {
 public:
  virtual ~Loader() = default;

  virtual std::string_view kind() const = 0;

  /// Whether the engine in `bytes`, made for `target`, can run on the device; the error says why not, in words for the
  /// user. Looks at versions alone, so `load` may still fail.
  virtual Status supports(const cuda::Device& device, const Target& target, std::span<const std::byte> bytes,
                          const EngineOptions& options) const = 0;

  /// Loads the engine. `bytes` need not outlive the call.
  virtual Result<std::unique_ptr<Engine>> load(const cuda::Device& device, std::span<const std::byte> bytes,
                                               const EngineOptions& options) const = 0;
};

}  // namespace etrt::engine
