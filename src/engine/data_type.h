#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <base/element_type.h>

namespace etrt::engine {

/// The element types that TensorRT and ExecuTorch share, under ExecuTorch's numbers (ScalarType).
enum class DataType : std::int8_t {
  kUInt8 = 0,
  kInt8 = 1,
  kInt32 = 3,
  kInt64 = 4,
  kFloat16 = 5,
  kFloat32 = 6,
  kBool = 11,
  kBFloat16 = 15
};

constexpr std::size_t byte_size(DataType type) {
  return base::find_element_type(static_cast<std::int8_t>(type))->size;
}

constexpr std::string_view name(DataType type) {
  return base::find_element_type(static_cast<std::int8_t>(type))->name;
}

}  // namespace etrt::engine
