#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace etrt::engine::tensorrt {

/// NVIDIA's two libraries with TensorRT's API. Each reads plans of its own alone.
enum class Product : std::uint8_t { kTensorRt, kTensorRtRtx };

struct ProductInfo {
  std::string_view kind;                                 ///< as a blob names it
  std::string_view name;                                 ///< as NVIDIA does
  std::span<const std::string_view> plan_tags;           ///< the first four bytes of a plan
  std::span<const std::string_view> libraries;           ///< file names, newest first
  std::span<const std::string_view> lean_libraries;      ///< that run version-compatible plans alone
  std::span<const std::string_view> wheel_folders;       ///< in a Python's site-packages
  std::span<const std::string_view> lean_wheel_folders;  ///< of the lean libraries
  std::string_view gpus;                                 ///< which it knows, for messages; empty: all
  std::string_view headers_option;                       ///< the CMake variable that says where the headers are
};

/// Threads: safe.
const ProductInfo& info(Product product);

}  // namespace etrt::engine::tensorrt
