#include <cstring>

#include <engine/tensorrt/shape_values.h>

namespace etrt::engine::tensorrt {

std::vector<std::int64_t> read_values(DataType type, std::span<const std::byte> memory) {
  if (type != DataType::kInt32 && type != DataType::kInt64) return {};
  std::vector<std::int64_t> values(memory.size() / byte_size(type));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int32_t narrow = 0;
    if (type == DataType::kInt64) std::memcpy(&values[i], memory.data() + i * 8, 8);
    if (type == DataType::kInt32) {
      std::memcpy(&narrow, memory.data() + i * 4, 4);
      values[i] = narrow;
    }
  }
  return values;
}

std::vector<std::byte> values_in_memory(DataType type, std::span<const std::int64_t> values, std::size_t count) {
  std::vector<std::byte> memory(count * byte_size(type));
  for (std::size_t i = 0; i < values.size() && i < count; ++i) {
    const auto narrow = static_cast<std::int32_t>(values[i]);
    if (type == DataType::kInt64) std::memcpy(memory.data() + i * 8, &values[i], 8);
    if (type == DataType::kInt32) std::memcpy(memory.data() + i * 4, &narrow, 4);
  }
  return memory;
}

}  // namespace etrt::engine::tensorrt
