#pragma once

#include <engine/tensorrt/tensorrt_loader.h>

namespace etrt::engine::tensorrt {

/// The loaders of this build for "tensorrt" and "tensorrt_rtx".
/// Threads: safe; they live as long as the process.
const TensorRtLoader& tensorrt_loader();
const TensorRtLoader& tensorrt_rtx_loader();

/// The headers that this build has for a product, or none.
const Adapter* adapter_of(Product product);

}  // namespace etrt::engine::tensorrt
