#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <etrt/options.h>
#include <pte/nested_program.h>

namespace etrt::pte {
namespace {

using blob::Binding;
using Pointers = std::vector<Binding*>;
using ConstPointers = std::vector<const Binding*>;

Error unsupported(const std::string& what, const char* why) {
  return Error(ErrorCode::kNotSupported, base::concat("the program cannot be nested: ", what, " ", why));
}

Result<const MethodInfo*> entry_method(const ProgramInfo& program) {
  for (const MethodInfo& method : program.methods) {
    if (method.name == "forward") return &method;
  }
  if (program.methods.size() == 1) return program.methods.data();
  return Error(ErrorCode::kNotSupported, base::concat("the program cannot be nested: it has ", program.methods.size(),
                                                      " methods and none is called \"forward\""));
}

Result<Binding> binding_of_value(const ValueInfo& value, const std::string& name, bool is_input) {
  if (value.kind != "Tensor") return unsupported(name, "is no tensor");
  if (value.tensor.device != Device::kCpu) return unsupported(name, "is not in host memory");
  auto binding = binding_of(value.tensor, name, is_input);
  if (!binding.ok()) return std::move(binding).error().within("the program cannot be nested");
  return binding;
}

template <class Pointer>
std::vector<Pointer> side(auto& bindings, bool is_input) {
  std::vector<Pointer> chosen;
  for (auto& binding : bindings) {
    if (binding.is_input == is_input) chosen.push_back(&binding);
  }
  return chosen;
}

std::int64_t upper_bound(const Binding& binding, std::size_t dim) {
  return binding.shape[dim] == blob::kDynamicDim && !binding.max_shape.empty() ? binding.max_shape[dim]
                                                                               : binding.shape[dim];
}

Status fit_binding(const Binding& own, Binding& asked) {
  const auto mismatch = [&](const auto&... parts) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("binding \"", asked.name, "\" does not fit the program's ", own.name, ": ", parts...));
  };
  if (own.dtype != asked.dtype) return mismatch("asked for ", asked.dtype, ", the program has ", own.dtype);
  if (own.shape.size() != asked.shape.size()) {
    return mismatch("asked for ", asked.shape.size(), " dimensions, the program has ", own.shape.size());
  }
  const bool fixed = own.max_shape.empty();
  for (std::size_t i = 0; i < own.shape.size(); ++i) {
    const std::int64_t bound = upper_bound(own, i);
    const std::int64_t wanted = upper_bound(asked, i);
    if (fixed && asked.shape[i] != bound) {
      return mismatch("dimension ", i, " is asked to be ", asked.shape[i], ", the program fixes it at ", bound);
    }
    if (wanted > bound) {
      return mismatch("dimension ", i, " is asked to go up to ", wanted, ", the program's bound is ", bound);
    }
  }
  if (asked.dim_order.empty()) asked.dim_order = own.dim_order;
  if (asked.dim_order != own.dim_order) return mismatch("the dim_order is another");
  return {};
}

Status fit_side(const ConstPointers& own, const Pointers& asked, const char* what) {
  if (own.size() != asked.size()) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("asked for ", asked.size(), " ", what, ", the program has ", own.size()));
  }
  for (std::size_t i = 0; i < own.size(); ++i) ETRT_TRY(fit_binding(*own[i], *asked[i]));
  return {};
}

}  // namespace

Result<std::vector<Binding>> bindings_of_program(Bytes pte) {
  ETRT_TRY_ASSIGN(const ProgramInfo program, inspect(pte));
  ETRT_TRY_ASSIGN(const MethodInfo* method, entry_method(program));
  for (const DelegateInfo& delegate : method->delegates) {
    if (delegate.id == kBackendId) return unsupported("it", "is itself a program for TensorRTBackend");
  }
  std::vector<Binding> bindings;
  for (std::size_t i = 0; i < method->inputs.size(); ++i) {
    ETRT_TRY_ASSIGN(Binding binding, binding_of_value(method->inputs[i], base::concat("input_", i), true));
    bindings.push_back(std::move(binding));
  }
  for (std::size_t i = 0; i < method->outputs.size(); ++i) {
    ETRT_TRY_ASSIGN(Binding binding, binding_of_value(method->outputs[i], base::concat("output_", i), false));
    bindings.push_back(std::move(binding));
  }
  return bindings;
}

Result<Binding> binding_of(const TensorInfo& tensor, std::string name, bool is_input) {
  if (tensor.dynamism == Dynamism::kUnbounded) {
    return Error(ErrorCode::kNotSupported, name + " has a shape without an upper bound");
  }
  Binding binding;
  binding.name = std::move(name);
  binding.dtype = tensor.dtype;
  binding.is_input = is_input;
  binding.shape.assign(tensor.sizes.begin(), tensor.sizes.end());
  binding.dim_order = tensor.dim_order;
  if (tensor.dynamism == Dynamism::kBounded) {
    binding.max_shape = binding.shape;
    std::fill(binding.shape.begin(), binding.shape.end(), blob::kDynamicDim);
  }
  return binding;
}

Status fit_program(const std::vector<Binding>& own, std::vector<Binding>& asked) {
  for (const bool is_input : {true, false}) {
    ETRT_TRY(fit_side(side<const Binding*>(own, is_input), side<Binding*>(asked, is_input),
                      is_input ? "inputs" : "outputs"));
  }
  return {};
}

}  // namespace etrt::pte
