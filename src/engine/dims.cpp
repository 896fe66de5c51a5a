#include <base/checked_math.h>
#include <engine/dims.h>

namespace etrt::engine {

std::optional<std::size_t> element_count(const Dims& dims) {
  std::size_t count = 1;
  for (const std::int32_t size : dims.sizes()) {
    if (size < 0) return std::nullopt;
    const auto product = base::checked_mul(count, static_cast<std::size_t>(size));
    if (!product) return std::nullopt;
    count = *product;
  }
  return count;
}

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.rank(); ++i) {
    if (i != 0) text += ", ";
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

std::optional<Dims> at_rank(const Dims& dims, std::size_t rank) {
  if (dims.rank() == rank) return dims;
  if (dims.rank() == 0 && rank == 1) return Dims{1};
  if (dims == Dims{1} && rank == 0) return Dims{};
  return std::nullopt;
}

bool within(const Dims& dims, const Dims& minimum, const Dims& maximum) {
  if (dims.rank() != minimum.rank() || dims.rank() != maximum.rank()) return false;
  for (std::size_t i = 0; i < dims.rank(); ++i) {
    if (dims[i] < minimum[i] || dims[i] > maximum[i]) return false;
  }
  return true;
}

}  // namespace etrt::engine
