#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <engine/tensorrt/library.h>
#include <etrt/result.h>

namespace etrt::cli {

/// What of one of NVIDIA's two libraries this machine and this build have.
struct TensorRtReport {
  std::string name;                                  ///< "TensorRT", "TensorRT-RTX"
  bool built_in;                                     ///< built with its headers, so that its engines can run
  Result<const engine::tensorrt::Library*> library;  ///< the one found, or why none
};

/// Looks for both, as loading a program would.
std::vector<TensorRtReport> look_for_tensorrt();

/// A line for each.
std::string tensorrt_text(const std::vector<TensorRtReport>& reports, std::size_t indent = 0);
nlohmann::ordered_json tensorrt_json(const std::vector<TensorRtReport>& reports);

}  // namespace etrt::cli
