#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace etrt::pte {

/// A tensor element type under its three names: PyTorch's word, ExecuTorch's number, its size.
struct ScalarType {
  std::string_view name;
  std::int8_t code;
  std::size_t size;
};

std::optional<ScalarType> scalar_type_of_name(std::string_view name);
std::optional<ScalarType> scalar_type_of_code(std::int8_t code);

}  // namespace etrt::pte
