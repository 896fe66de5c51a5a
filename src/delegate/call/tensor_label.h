#pragma once

#include <string>

#include <engine/tensor_info.h>

namespace etrt::delegate {

/// How messages call a tensor: "input 'image'".
inline std::string label(const engine::TensorInfo& info) {
  return (info.is_input ? "input '" : "output '") + info.name + "'";
}

}  // namespace etrt::delegate
