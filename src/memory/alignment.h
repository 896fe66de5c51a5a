#pragma once

#include <bit>
#include <cstddef>

#include <cuda/alignment.h>

namespace etrt::memory {

/// Tensors that share a block start as CUDA's own allocations do.
constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + cuda::kAllocationAlignment - 1) / cuda::kAllocationAlignment * cuda::kAllocationAlignment;
}

/// A power of two where that is no great waste, so that a slowly growing size settles after a few steps.
constexpr std::size_t with_room_to_grow(std::size_t bytes) {
  constexpr std::size_t kLargestRounded = std::size_t{1} << 28;
  return bytes <= kLargestRounded ? std::bit_ceil(bytes) : bytes;
}

}  // namespace etrt::memory
