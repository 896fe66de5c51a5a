#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>

#include <base/format.h>
#include <engine/tensorrt/plan_header.h>

namespace etrt::engine::tensorrt {
namespace {

constexpr std::size_t kVersionOffset = 24;
constexpr std::size_t kHeaderBytes = 28;

std::optional<Product> product_of_tag(std::string_view tag) {
  for (const Product product : {Product::kTensorRt, Product::kTensorRtRtx}) {
    const auto tags = info(product).plan_tags;
    if (std::find(tags.begin(), tags.end(), tag) != tags.end()) return product;
  }
  return std::nullopt;
}

}  // namespace

Result<PlanHeader> read_plan_header(std::span<const std::byte> plan) {
  if (plan.size() < kHeaderBytes) {
    return Error(ErrorCode::kInvalidData, base::concat("the plan has ", plan.size(), " bytes, its header alone has ",
                                                       kHeaderBytes, ": the file is cut off"));
  }
  const auto product = product_of_tag({reinterpret_cast<const char*>(plan.data()), 4});
  if (!product) return Error(ErrorCode::kInvalidData, "these bytes are no TensorRT plan: they begin with another tag");
  std::uint32_t serialization = 0;
  std::memcpy(&serialization, plan.data() + 4, sizeof(serialization));
  if (serialization != 0) {
    return Error(ErrorCode::kIncompatible, base::concat("the plan has serialization version ", serialization,
                                                        ", which this etrt cannot read the version of"));
  }
  const auto byte = [&](std::size_t i) { return std::to_integer<int>(plan[kVersionOffset + i]); };
  return PlanHeader{*product, {byte(0), byte(1), byte(2)}, byte(3)};
}

std::string to_string(const PlanHeader& header) {
  return base::concat(info(header.product).name, " ", to_string(header.version), ".", header.build);
}

}  // namespace etrt::engine::tensorrt
