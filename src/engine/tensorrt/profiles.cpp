#include <base/format.h>
#include <engine/tensorrt/profiles.h>

namespace etrt::engine::tensorrt {
namespace {

bool values_fit(const InputRange& range, std::span<const std::int64_t> values) {
  // The profile says nothing of values that are not there: of inputs on the device, or of other types.
  if (values.empty() || range.minimum_values.size() != values.size()) return true;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] < range.minimum_values[i] || values[i] > range.maximum_values[i]) return false;
  }
  return true;
}

std::string to_string(std::span<const std::int64_t> values) {
  std::string text = "{";
  for (std::size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(values[i]);
  return text + "}";
}

}  // namespace

bool Profiles::fits(int profile, std::span<const InputSetting> inputs) const {
  const auto allowed = ranges(profile);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!within(inputs[i].dims, allowed[i].minimum, allowed[i].maximum)) return false;
    if (!values_fit(allowed[i], inputs[i].values)) return false;
  }
  return true;
}

std::optional<int> Profiles::fitting(std::span<const InputSetting> inputs, int preferred) const {
  if (fits(preferred, inputs)) return preferred;
  for (int profile = 0; profile < count(); ++profile) {
    if (fits(profile, inputs)) return profile;
  }
  return std::nullopt;
}

std::string Profiles::describe(std::span<const std::string> names) const {
  std::string text;
  for (int profile = 0; profile < count(); ++profile) {
    text += base::concat(profile == 0 ? "" : "; ", "profile ", profile, ":");
    const auto allowed = ranges(profile);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const InputRange& range = allowed[i];
      if (range.minimum == range.maximum && range.minimum_values.empty()) continue;
      text +=
          base::concat(" ", names[i], " ", engine::to_string(range.minimum), " to ", engine::to_string(range.maximum));
      if (range.minimum_values.empty()) continue;
      text += base::concat(" with values ", to_string(range.minimum_values), " to ", to_string(range.maximum_values));
    }
  }
  return text;
}

}  // namespace etrt::engine::tensorrt
