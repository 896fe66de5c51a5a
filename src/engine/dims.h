#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

namespace etrt::engine {

/// TensorRT's own limit (nvinfer1::Dims::MAX_DIMS).
inline constexpr std::size_t kMaxRank = 8;

/// A shape, outermost dimension first, in elements. Rank 0 is a scalar of one element. Allocates nothing.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<std::int32_t> sizes) : Dims(std::span<const std::int32_t>(sizes.begin(), sizes.size())) {}

  /// Takes the first `kMaxRank` sizes; callers refuse higher ranks first.
  explicit Dims(std::span<const std::int32_t> sizes) : rank_(sizes.size() < kMaxRank ? sizes.size() : kMaxRank) {
    for (std::size_t i = 0; i < rank_; ++i) sizes_[i] = sizes[i];
  }

  std::size_t rank() const noexcept { return rank_; }
  std::int32_t operator[](std::size_t i) const noexcept { return sizes_[i]; }
  std::int32_t& operator[](std::size_t i) noexcept { return sizes_[i]; }
  std::span<const std::int32_t> sizes() const noexcept { return {sizes_.data(), rank_}; }

  friend bool operator==(const Dims& a, const Dims& b) noexcept {
    if (a.rank_ != b.rank_) return false;
    for (std::size_t i = 0; i < a.rank_; ++i) {
      if (a.sizes_[i] != b.sizes_[i]) return false;
    }
    return true;
  }

 private:
  std::size_t rank_ = 0;
  std::array<std::int32_t, kMaxRank> sizes_{};
};

/// Product of the sizes; nothing when a size is negative or the product does not fit.
std::optional<std::size_t> element_count(const Dims& dims);

/// "[1, 3, 224, 224]"
std::string to_string(const Dims& dims);

/// The same shape at another rank. A scalar alone has two: [], and [1] as TensorRT may describe it.
std::optional<Dims> at_rank(const Dims& dims, std::size_t rank);

/// Whether every size of `dims` lies between those of `minimum` and `maximum`, and the ranks agree.
bool within(const Dims& dims, const Dims& minimum, const Dims& maximum);

}  // namespace etrt::engine
