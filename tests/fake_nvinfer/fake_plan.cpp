#include <cstring>
#include <fake_nvinfer/fake_plan.h>

#include <nlohmann/json.hpp>

namespace etrt::fake {
namespace {

constexpr std::size_t kHeaderBytes = 28;

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Range, minimum, preferred, maximum, minimum_values, maximum_values, preferred_values)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Input, name, dims, type, host, format, profiles)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Output, name, of, add, type, alias, reshaped_by, data_elements, asks_extra, shape_of,
                                   records_sms)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(LogLine, severity, text)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Plan, inputs, outputs, profiles, aux_streams, memory_per_element, weights,
                                   streamable_weights, automatic_budget, holds_code, needs_lean_runtime,
                                   shares_profiles, plugins, log, failure)

std::vector<std::byte> Plan::serialize() const {
  const std::string text = nlohmann::json(*this).dump();
  std::vector<std::byte> bytes(kHeaderBytes + text.size());
  std::memcpy(bytes.data(), tag.data(), 4);
  for (std::size_t i = 0; i < 4; ++i) bytes[24 + i] = static_cast<std::byte>(version[i]);
  std::memcpy(bytes.data() + kHeaderBytes, text.data(), text.size());
  return bytes;
}

Plan Plan::parse(std::span<const std::byte> bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  Plan plan = nlohmann::json::parse(text + kHeaderBytes, text + bytes.size()).get<Plan>();
  for (std::size_t i = 0; i < 4; ++i) plan.version[i] = std::to_integer<int>(bytes[24 + i]);
  return plan;
}

}  // namespace etrt::fake
