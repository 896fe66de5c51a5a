#include <algorithm>

#include <base/try.h>
#include <engine/tensorrt/open_sizes.h>
#include <engine/tensorrt/profile_ranges.h>
#include <engine/tensorrt/types.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

using nvinfer1::OptProfileSelector;

template <class Value>
std::vector<std::int64_t> widened(const Value* values, std::size_t count) {
  if (values == nullptr) return {};
  return {values, values + count};
}

// Older engines have them in 32 bits, and so do the headers of a TensorRT before 10.11.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/// Bounds of a shape tensor's values; empty where the profile has none, or the engine cannot tell.
template <class NativeEngine>
std::vector<std::int64_t> profile_values(const NativeEngine& engine, const char* name, int profile,
                                         OptProfileSelector which, std::size_t count) {
  if (!engine.calls().profile_values) return {};
  if constexpr (requires { engine->getProfileTensorValuesV2(name, profile, which); }) {
    if (engine.calls().wide_values) return widened(engine->getProfileTensorValuesV2(name, profile, which), count);
  }
  if constexpr (requires { engine->getProfileTensorValues(name, profile, which); }) {
    return widened(engine->getProfileTensorValues(name, profile, which), count);
  } else {
    return {};
  }
}

#pragma GCC diagnostic pop

/// A profile speaks of inputs with open sizes; the others have one shape.
Result<Dims> profile_shape(const NativeEngine& engine, const TensorInfo& info, int profile, OptProfileSelector which) {
  if (!has_open_size(info.maximum)) return info.maximum;
  return to_dims(engine->getProfileShape(info.name.c_str(), profile, which), info.name);
}

}  // namespace

Result<Profiles> read_profiles(const NativeEngine& engine, std::span<const TensorInfo> tensors,
                               std::span<const std::size_t> inputs) {
  std::vector<std::vector<InputRange>> profiles;
  for (int profile = 0; profile < std::max(1, engine->getNbOptimizationProfiles()); ++profile) {
    auto& ranges = profiles.emplace_back();
    for (const std::size_t tensor : inputs) {
      const TensorInfo& info = tensors[tensor];
      InputRange range;
      ETRT_TRY_ASSIGN(range.minimum, profile_shape(engine, info, profile, OptProfileSelector::kMIN));
      ETRT_TRY_ASSIGN(range.maximum, profile_shape(engine, info, profile, OptProfileSelector::kMAX));
      ETRT_TRY_ASSIGN(range.preferred, profile_shape(engine, info, profile, OptProfileSelector::kOPT));
      if (info.location == Location::kHost) {
        const char* name = info.name.c_str();
        const std::size_t count = element_count(range.maximum).value_or(0);
        range.minimum_values = profile_values(engine, name, profile, OptProfileSelector::kMIN, count);
        range.maximum_values = profile_values(engine, name, profile, OptProfileSelector::kMAX, count);
        range.preferred_values = profile_values(engine, name, profile, OptProfileSelector::kOPT, count);
      }
      ranges.push_back(std::move(range));
    }
  }
  return Profiles(std::move(profiles));
}

void widen(Dims& minimum, Dims& maximum, const Dims& dims) {
  for (std::size_t i = 0; i < dims.rank() && i < minimum.rank(); ++i) {
    minimum[i] = std::min(minimum[i], dims[i]);
    maximum[i] = std::max(maximum[i], dims[i]);
  }
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
