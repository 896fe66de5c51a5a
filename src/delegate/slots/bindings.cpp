#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <delegate/slots/bindings.h>

namespace etrt::delegate {

Bindings::Bindings(engine::ExecutionContext& context, const IoPlan& plan)
    : context_(context),
      plan_(plan),
      dims_(plan.arguments.size()),
      values_(plan.arguments.size()),
      bound_(plan.arguments.size()) {
  for (std::size_t i = 0; i < plan.arguments.size(); ++i) {
    const engine::TensorInfo& info = plan.arguments[i].info;
    if (!plan.arguments[i].on_host()) continue;
    values_[i].resize(engine::element_count(info.maximum).value_or(0) * engine::byte_size(info.type));
  }
}

bool Bindings::is_set_to(std::span<const InputState> inputs) const {
  if (!shapes_valid_) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const InputState& input = inputs[i];
    if (!(input.dims == dims_[i])) return false;
    if (!std::equal(input.values.begin(), input.values.end(), values_[i].begin())) return false;
  }
  return true;
}

Status Bindings::set_shapes(std::span<const InputState> inputs) {
  invalidate();
  ETRT_TRY(resolve(inputs));
  shapes_valid_ = true;
  return {};
}

Status Bindings::resolve(std::span<const InputState> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ETRT_TRY(context_.set_input_shape(plan_.arguments[i].tensor, inputs[i].dims));
    dims_[i] = inputs[i].dims;
    std::copy(inputs[i].values.begin(), inputs[i].values.end(), values_[i].begin());
    if (plan_.arguments[i].on_host()) ETRT_TRY(bind_values(i, inputs[i].values.size()));
  }
  ETRT_TRY(context_.resolve_shapes());
  for (std::size_t i = plan_.input_count; i < plan_.arguments.size(); ++i) {
    const ArgumentPlan& output = plan_.arguments[i];
    dims_[i] = output.info.data_dependent ? output.info.maximum : context_.shape(output.tensor);
    if (output.on_host()) ETRT_TRY(bind_values(i, values_[i].size()));
    if (output.aliased_input) ETRT_TRY(check_alias(i));
  }
  return {};
}

Status Bindings::bind_values(std::size_t argument, std::size_t bytes) {
  return context_.bind(plan_.arguments[argument].tensor, reinterpret_cast<std::uint64_t>(values_[argument].data()),
                       bytes);
}

Status Bindings::check_alias(std::size_t output) const {
  const std::size_t input = *plan_.arguments[output].aliased_input;
  if (dims_[output] == dims_[input]) return {};
  return Error(ErrorCode::kInvalidData,
               base::concat("output '", plan_.arguments[output].info.name, "' is ", engine::to_string(dims_[output]),
                            " for these inputs and shares the memory of input '", plan_.arguments[input].info.name,
                            "', which is ", engine::to_string(dims_[input]), ": aliased tensors have one shape"));
}

Result<bool> Bindings::bind(std::size_t argument, std::uint64_t address, std::size_t bytes) {
  Bound& bound = bound_[argument];
  if (bound.is_set && bound.address == address && bound.bytes == bytes) return false;
  bound = {};
  ++version_;
  ETRT_TRY(context_.bind(plan_.arguments[argument].tensor, address, bytes));
  bound = {address, bytes, true};
  return true;
}

void Bindings::invalidate() {
  shapes_valid_ = false;
  for (Bound& bound : bound_) bound = {};
}

}  // namespace etrt::delegate
