#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <executorch/runtime/core/exec_aten/exec_aten.h>

namespace etrt::cli {

/// How a program, ExecuTorch and numpy each call one type of element.
struct ElementType {
  enum class Family { kFloat, kInteger, kBool, kOpaque };

  std::string_view name;  ///< as `pte::TensorInfo` has it: "float32"
  executorch::aten::ScalarType scalar;
  std::size_t bytes;
  Family family;
  std::string_view npy;  ///< as .npy files have it: "<f4"; for a type numpy lacks, an unsigned integer of its size
  bool in_numpy;         ///< false: only the bits travel through .npy files
};

/// Null for a name that has no tensors here.
const ElementType* find_element_type(std::string_view name);
const ElementType* find_element_type(executorch::aten::ScalarType scalar);

}  // namespace etrt::cli
