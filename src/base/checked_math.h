#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

namespace etrt::base {

/// `a + b`, or nothing when it does not fit.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

/// `a * b`, or nothing when it does not fit.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_mul(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// Whether `[offset, offset + size)` lies inside `[0, limit)`, for any 64-bit values.
constexpr bool range_fits(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

}  // namespace etrt::base
