#pragma once

#include <cstddef>

namespace etrt::cuda {

/// What CUDA aligns every allocation to at least, in bytes, and what TensorRT asks of an address on the device.
inline constexpr std::size_t kAllocationAlignment = 256;

}  // namespace etrt::cuda
