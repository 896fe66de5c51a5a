#include <limits>

#include <base/format.h>
#include <base/try.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/open_sizes.h>
#include <engine/tensorrt/output_bounds.h>
#include <engine/tensorrt/profile_ranges.h>
#include <engine/tensorrt/shape_values.h>
#include <engine/tensorrt/tensorrt_context.h>
#include <engine/tensorrt/tensorrt_engine.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

/// One setting of all inputs that a profile names.
struct Setting {
  Dims InputRange::*dims;
  std::vector<std::int64_t> InputRange::*values;
};

constexpr Setting kSmallest{&InputRange::minimum, &InputRange::minimum_values};
constexpr Setting kPreferred{&InputRange::preferred, &InputRange::preferred_values};
constexpr Setting kLargest{&InputRange::maximum, &InputRange::maximum_values};

using HostValues = std::vector<std::vector<std::byte>>;

/// Sets the context to a setting of a profile. It is bound to memory that is added to `host`.
Status set_to(TensorRtContext& context, const TensorRtEngine& engine, int profile, const Setting& setting,
              HostValues& host) {
  context.pin(profile);
  const auto ranges = engine.profiles().ranges(profile);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const std::size_t tensor = engine.inputs()[i];
    const Dims& dims = ranges[i].*setting.dims;
    ETRT_TRY(context.set_input_shape(tensor, dims));
    const TensorInfo& info = engine.tensors()[tensor];
    if (info.location != Location::kHost) continue;
    host.push_back(values_in_memory(info.type, ranges[i].*setting.values, element_count(dims).value_or(0)));
    ETRT_TRY(context.bind(tensor, reinterpret_cast<std::uint64_t>(host.back().data()), host.back().size()));
  }
  return context.resolve_shapes();
}

/// Unknown until the engine has run means that nothing is known from below.
Dims lower(const Dims& dims, const Dims& open) {
  Dims result = dims;
  for (std::size_t i = 0; i < open.rank(); ++i) {
    if (open[i] < 0) result[i] = 0;
  }
  return result;
}

void add(std::vector<OutputBounds>& bounds, const TensorRtEngine& engine, const TensorRtContext& context) {
  for (std::size_t i = 0; i < engine.outputs().size(); ++i) {
    const Dims largest = context.shape(engine.outputs()[i]);
    const Dims& open = context.open_shape(engine.outputs()[i]);
    const Dims smallest = lower(largest, open);
    if (bounds.size() <= i) bounds.push_back({smallest, largest, false});
    widen(bounds[i].minimum, bounds[i].maximum, smallest);
    widen(bounds[i].minimum, bounds[i].maximum, largest);
    bounds[i].data_dependent |= has_open_size(open);
  }
}

/// Whether the profiles say what values their shape tensors may have.
bool values_are_known(const TensorRtEngine& engine) {
  for (std::size_t i = 0; i < engine.inputs().size(); ++i) {
    if (engine.tensors()[engine.inputs()[i]].location != Location::kHost) continue;
    if (engine.profiles().ranges(0)[i].maximum_values.empty()) return false;
  }
  return true;
}

/// Sizes that the engine leaves open may be anything.
void unbound(std::vector<OutputBounds>& bounds, const TensorRtEngine& engine) {
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const Dims& open = engine.tensors()[engine.outputs()[i]].maximum;
    for (std::size_t j = 0; j < open.rank(); ++j) {
      if (open[j] >= 0) continue;
      bounds[i].minimum[j] = 0;
      bounds[i].maximum[j] = std::numeric_limits<std::int32_t>::max();
    }
  }
}

}  // namespace

Result<std::vector<OutputBounds>> find_output_bounds(TensorRtEngine& engine) {
  ETRT_TRY_ASSIGN(const auto context, TensorRtContext::create(engine, std::nullopt));
  std::vector<OutputBounds> bounds;
  HostValues host;
  Status failed;
  bool ends_go_together = true;
  for (int profile = 0; profile < engine.profile_count(); ++profile) {
    for (const Setting* setting : {&kSmallest, &kLargest, &kPreferred}) {
      // What TensorRT refuses here is no mistake of anybody's: the ends of several inputs need not go together.
      const LoggedErrors errors(LoggedErrors::Kind::kExpected);
      if (auto set = set_to(*context, engine, profile, *setting, host); !set.ok()) {
        failed = std::move(set);
        ends_go_together = ends_go_together && setting == &kPreferred;
      } else {
        add(bounds, engine, *context);
      }
    }
  }
  const bool known = values_are_known(engine);
  if (bounds.empty() && known) return std::move(failed).error().within("the shapes of the engine's outputs");
  for (std::size_t i = bounds.size(); i < engine.outputs().size(); ++i) {
    const Dims& open = engine.tensors()[engine.outputs()[i]].maximum;
    bounds.push_back({open, open, false});
  }
  if (!known || !ends_go_together) unbound(bounds, engine);
  return bounds;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
