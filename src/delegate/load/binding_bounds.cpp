#include <algorithm>
#include <span>

#include <base/format.h>
#include <blob/format.h>
#include <delegate/load/binding_bounds.h>

namespace etrt::delegate {
namespace {

using engine::Dims;
using engine::TensorInfo;

/// What the blob says of a tensor's extents. Where it says nothing of one, the engine's own range stands.
struct Range {
  std::vector<std::int64_t> minimum;
  std::vector<std::int64_t> maximum;
  bool is_bounded = true;  ///< every extent has a bound of the blob's
};

bool says_shape(const blob::Binding& binding) {
  return !binding.dtype.empty() || !binding.shape.empty();
}

Range said_range(const blob::Binding& binding, const Dims& minimum, const Dims& maximum) {
  Range range;
  for (std::size_t i = 0; i < binding.shape.size(); ++i) {
    const std::int64_t extent = binding.shape[i];
    const bool is_fixed = extent != blob::kDynamicDim;
    range.is_bounded &= is_fixed || !binding.max_shape.empty();
    range.minimum.push_back(is_fixed ? extent : binding.min_shape.empty() ? minimum[i] : binding.min_shape[i]);
    range.maximum.push_back(is_fixed ? extent : binding.max_shape.empty() ? maximum[i] : binding.max_shape[i]);
  }
  return range;
}

template <class Sizes>
std::string list(const Sizes& sizes) {
  std::string text = "[";
  for (const auto size : sizes) text += base::concat(text.size() > 1 ? ", " : "", size);
  return text + "]";
}

template <class Sizes>
std::string list(const Sizes& minimum, const Sizes& maximum) {
  const bool is_fixed = std::equal(minimum.begin(), minimum.end(), maximum.begin(), maximum.end());
  return is_fixed ? list(maximum) : base::concat(list(minimum), " to ", list(maximum));
}

Error contradicts(const TensorInfo& info, const blob::Binding& binding, const Range& range) {
  return Error(
      ErrorCode::kInvalidData,
      base::concat("binding '", binding.name, "' is ", list(range.minimum, range.maximum), " in the blob, the engine ",
                   info.is_input ? "takes " : "gives ", list(info.minimum.sizes(), info.maximum.sizes())));
}

/// Narrows both by what the blob says; false when that lies outside of them.
bool narrow(Dims& minimum, Dims& maximum, const Range& range) {
  for (std::size_t i = 0; i < maximum.rank(); ++i) {
    const bool fits =
        range.minimum[i] >= minimum[i] && range.maximum[i] <= maximum[i] && range.minimum[i] <= range.maximum[i];
    if (!fits) return false;
    minimum[i] = static_cast<std::int32_t>(range.minimum[i]);
    maximum[i] = static_cast<std::int32_t>(range.maximum[i]);
  }
  return true;
}

Error unbounded(const TensorInfo& info) {
  return Error(ErrorCode::kInvalidData,
               base::concat("output '", info.name, "' has a data-dependent shape of rank ", info.maximum.rank(),
                            ", and the blob gives it no max_shape of that rank: export the program with a bound"));
}

/// How large a data-dependent output may become is the program's to say, which allocates it; else the engine's, if it
/// knows.
Status take_bound(TensorInfo& info, const blob::Binding& binding) {
  const std::vector<std::int32_t> zeros(info.maximum.rank());
  const std::vector<std::int32_t> unknown(info.maximum.rank(), INT32_MAX);
  Dims minimum{std::span(zeros)};
  Dims maximum{std::span(unknown)};
  if (!binding.shape.empty()) {
    if (binding.shape.size() != maximum.rank()) return unbounded(info);
    const Range range = said_range(binding, minimum, maximum);
    if (!narrow(minimum, maximum, range)) return contradicts(info, binding, range);
    if (range.is_bounded) {
      info.maximum = maximum;
      return {};
    }
  }
  const auto sizes = info.maximum.sizes();
  const bool known = std::find(sizes.begin(), sizes.end(), INT32_MAX) == sizes.end();
  return known && engine::element_count(info.maximum) ? Status() : unbounded(info);
}

/// A number is a scalar to one side and [1] to the other, as a rule.
bool is_one_element(std::span<const std::int64_t> shape) {
  return std::all_of(shape.begin(), shape.end(), [](std::int64_t size) { return size == 1; });
}

}  // namespace

Status narrow(TensorInfo& info, const blob::Binding& binding) {
  if (!binding.dtype.empty() && binding.dtype != engine::name(info.type)) {
    return Error(ErrorCode::kInvalidData, base::concat("binding '", binding.name, "' is ", binding.dtype,
                                                       " in the blob and ", engine::name(info.type), " in the engine"));
  }
  if (info.data_dependent) return take_bound(info, binding);
  if (!says_shape(binding)) return {};
  if (binding.shape.size() != info.maximum.rank()) {
    const bool is_number = is_one_element(binding.shape) && engine::element_count(info.maximum) == std::size_t{1};
    if (is_number && !info.is_dynamic()) return {};
    return Error(ErrorCode::kInvalidData, base::concat("binding '", binding.name, "' has rank ", binding.shape.size(),
                                                       " in the blob, the engine ", info.is_input ? "takes " : "gives ",
                                                       list(info.minimum.sizes(), info.maximum.sizes())));
  }
  const Range range = said_range(binding, info.minimum, info.maximum);
  Dims minimum = info.minimum;
  Dims maximum = info.maximum;
  if (!narrow(minimum, maximum, range)) return contradicts(info, binding, range);
  info.minimum = minimum;
  info.maximum = maximum;
  return {};
}

}  // namespace etrt::delegate
