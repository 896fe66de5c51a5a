#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <etrt/result.h>

/// numpy's .npy files: one array each, any of numpy's fixed-size number types.
/// Own code, for want of a library that suits: xtensor's xnpy fixes the element type at compile time, knows neither
/// float16 nor the raw types that carry bfloat16, misreads headers of 128 bytes and more, and trusts their numbers.
namespace etrt::cli {

/// An array as a file holds it.
struct NpyArray {
  std::string type;  ///< byte order, kind and size, as in the file: "<f4", "|b1"
  std::size_t element_bytes = 0;
  bool column_major = false;        ///< the first dimension is the innermost in memory (Fortran's order)
  std::vector<std::int64_t> shape;  ///< [] is a scalar
  std::span<const std::byte> data;  ///< inside of the bytes that were parsed
};

/// Errors say what is wrong with the bytes. An array that comes out has exactly the data that its shape and type ask
/// for. The result borrows `bytes`.
Result<NpyArray> parse_npy(std::span<const std::byte> bytes);

/// A complete file for C-ordered `data`. `type` is like `NpyArray::type`.
std::vector<std::byte> make_npy(std::string_view type, std::span<const std::int64_t> shape,
                                std::span<const std::byte> data);

/// "float32 (<f4)" for a type that numpy names, else the text as it is. For messages.
std::string npy_type_text(std::string_view type);

}  // namespace etrt::cli
