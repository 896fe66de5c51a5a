#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <cli/binding_check.h>
#include <cli/tensors.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

bool agrees(const blob::Binding& binding, const pte::TensorInfo& tensor, std::size_t i) {
  const std::int64_t size = tensor.sizes[i];
  const bool is_fixed = tensor.dynamism == pte::Dynamism::kStatic;
  if (binding.shape[i] != blob::kDynamicDim) return binding.shape[i] == size;
  if (is_fixed && !binding.min_shape.empty() && binding.min_shape[i] > size) return false;
  // An output's bound is the program's to keep small, as long as what comes fits.
  return binding.max_shape.empty() || binding.max_shape[i] >= size || (!is_fixed && !binding.is_input);
}

bool agrees(const blob::Binding& binding, const pte::TensorInfo& tensor) {
  if (binding.shape.size() != tensor.sizes.size()) {
    const auto is_one = [](std::int64_t size) { return size == 1; };
    return std::all_of(binding.shape.begin(), binding.shape.end(), is_one) &&
           std::all_of(tensor.sizes.begin(), tensor.sizes.end(), is_one);
  }
  for (std::size_t i = 0; i < tensor.sizes.size(); ++i) {
    if (!agrees(binding, tensor, i)) return false;
  }
  return true;
}

std::string range_text(const blob::Binding& binding) {
  std::string text = shape_text(binding.shape);
  if (!binding.min_shape.empty()) text += " from " + shape_text(binding.min_shape);
  if (!binding.max_shape.empty()) text += " up to " + shape_text(binding.max_shape);
  return text;
}

Status check_binding(const blob::Binding& binding, const pte::ValueInfo& value) {
  const auto contradiction = [&](const auto&... parts) {
    return Error(ErrorCode::kInvalidData, base::concat("binding '", printable(binding.name), "' is ", parts...));
  };
  if (value.kind != "Tensor") return contradiction("a tensor in the blob, the method passes ", printable(value.kind));
  if (!binding.dtype.empty() && binding.dtype != value.tensor.dtype) {
    return contradiction(printable(binding.dtype), " in the blob, the method passes ", printable(value.tensor.dtype));
  }
  const bool says_shape = !binding.dtype.empty() || !binding.shape.empty();
  if (!says_shape || agrees(binding, value.tensor)) return {};
  return contradiction(range_text(binding), " in the blob, the method passes ", printable(bound_text(value.tensor)));
}

}  // namespace

Status check_bindings(const blob::Metadata& metadata, const pte::DelegateInfo& delegate) {
  std::vector<blob::Binding> bindings = metadata.io_bindings;
  if (bindings.empty() || delegate.arguments.empty()) return {};
  std::stable_partition(bindings.begin(), bindings.end(), [](const auto& binding) { return binding.is_input; });
  if (bindings.size() != delegate.arguments.size()) {
    return Error(ErrorCode::kInvalidData,
                 base::concat("the blob lists ", bindings.size(), " bindings, the method passes ",
                              delegate.arguments.size(), " values"));
  }
  for (std::size_t i = 0; i < bindings.size(); ++i) ETRT_TRY(check_binding(bindings[i], delegate.arguments[i]));
  return {};
}

}  // namespace etrt::cli
