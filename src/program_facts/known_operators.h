#pragma once

#include <string_view>

namespace etrt::program_facts {

/// Whether the shapes that an operator ("aten::add.out") gives its outputs follow from the shapes and plain numbers it
/// is given, never from the values in a tensor. False for operators that are not known.
bool has_known_shapes(std::string_view name);

/// Whether it gives an output of a shape that depends on which of its indices are masks ("aten::index.Tensor_out").
bool is_index(std::string_view name);

/// Whether it is one of ExecuTorch's library of quantized kernels.
bool is_quantized(std::string_view name);

/// Whether it changes its first argument in place, beside or instead of writing to an output: "aten::index_put_".
bool is_in_place(std::string_view name);

}  // namespace etrt::program_facts
