#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <engine/tensorrt/product.h>
#include <engine/tensorrt/version.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt {

/// What the first bytes of a plan (a serialised engine) tell: who wrote it, at which version.
struct PlanHeader {
  Product product;
  Version version;
  int build;
};

/// Reads the header: `char[4] tag, u32 serialization version (0), ..., u8[4] version` at byte 24. `kInvalidData` for
/// anything else: what TensorRT makes of foreign bytes is undefined.
Result<PlanHeader> read_plan_header(std::span<const std::byte> plan);

/// "TensorRT 10.3.0.26"
std::string to_string(const PlanHeader& header);

}  // namespace etrt::engine::tensorrt
