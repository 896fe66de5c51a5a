#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace etrt::base {

/// A type of tensor elements under its three names: PyTorch's word, ExecuTorch's number, its size in bytes.
struct ElementType {
  std::string_view name;
  std::int8_t code;
  std::size_t size;
};

/// All that programs and blobs can hold.
inline constexpr ElementType kElementTypes[] = {
    {"uint8", 0, 1},        {"int8", 1, 1},           {"int16", 2, 2},   {"int32", 3, 4},   {"int64", 4, 8},
    {"float16", 5, 2},      {"float32", 6, 4},        {"float64", 7, 8}, {"bool", 11, 1},   {"bfloat16", 15, 2},
    {"float8_e5m2", 23, 1}, {"float8_e4m3fn", 24, 1}, {"uint16", 27, 2}, {"uint32", 28, 4}, {"uint64", 29, 8},
};

/// Null for a name or a number that is none of them.
constexpr const ElementType* find_element_type(std::string_view name) {
  for (const ElementType& type : kElementTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}
constexpr const ElementType* find_element_type(std::int8_t code) {
  for (const ElementType& type : kElementTypes) {
    if (type.code == code) return &type;
  }
  return nullptr;
}

}  // namespace etrt::base
