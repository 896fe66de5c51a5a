#pragma once

#include <bit>
#include <cstddef>

namespace etrt::memory {

/// CUDA aligns every allocation to this at least; tensors that share one start at multiples of it.
inline constexpr std::size_t kAlignment = 256;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// A power of two where that is no great waste, so that a slowly growing size settles after a few steps.
constexpr std::size_t with_room_to_grow(std::size_t bytes) {
  constexpr std::size_t kLargestRounded = std::size_t{1} << 28;
  return bytes <= kLargestRounded ? std::bit_ceil(bytes) : bytes;
}

}  // namespace etrt::memory
