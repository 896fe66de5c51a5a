#include <algorithm>
#include <limits>

#include <engine/tensorrt/open_sizes.h>

namespace etrt::engine::tensorrt {

bool has_open_size(const Dims& dims) {
  const auto sizes = dims.sizes();
  return std::find(sizes.begin(), sizes.end(), -1) != sizes.end();
}

Dims closed_over(const Dims& open, std::int64_t bytes, DataType type) {
  std::int64_t rest = std::max<std::int64_t>(0, bytes) / static_cast<std::int64_t>(byte_size(type));
  for (const std::int32_t size : open.sizes()) {
    if (size > 0) rest = (rest + size - 1) / size;
    if (size == 0) rest = 0;
  }
  Dims dims = open;
  for (std::size_t i = 0; i < dims.rank(); ++i) {
    if (dims[i] >= 0) continue;
    dims[i] = static_cast<std::int32_t>(std::min<std::int64_t>(rest, std::numeric_limits<std::int32_t>::max()));
    rest = 1;
  }
  return dims;
}

}  // namespace etrt::engine::tensorrt
