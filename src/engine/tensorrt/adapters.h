#pragma once

#include <engine/tensorrt/adapter.h>

namespace etrt::engine::tensorrt {

/// The headers that this build has for a product, or none. Threads: safe.
const Adapter* adapter_of(Product product);

}  // namespace etrt::engine::tensorrt
