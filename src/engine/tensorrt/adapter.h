#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include <cuda/device.h>
#include <engine/engine.h>
#include <engine/tensorrt/library.h>
#include <engine/tensorrt/product.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt {

/// TensorRT's runtimes, with what they log to, made through one set of headers.
/// Threads: safe. Must outlive its engines.
class Runtimes {
 public:
  virtual ~Runtimes() = default;

  /// Makes an engine of a plan whose header and library version are checked already. The device's context is current.
  virtual Result<std::unique_ptr<Engine>> load(const Library& library, const cuda::Device& device,
                                               std::span<const std::byte> plan, const EngineOptions& options) = 0;
};

/// The part of the engine that was compiled with one set of TensorRT headers. The same sources are compiled once for
/// each (ETRT_NVINFER names the namespace), since classes of two versions of TensorRT differ under the same names.
struct Adapter {
  Product product;
  Version headers;
  bool needs_gpu;  ///< NVIDIA's libraries do; the tests' own runs on the virtual GPU too
  std::unique_ptr<Runtimes> (*create_runtimes)();
};

}  // namespace etrt::engine::tensorrt
