#include <executorch/runtime/core/exec_aten/util/tensor_util.h>
#include <executorch/runtime/core/portable_type/device.h>

#include <base/format.h>
#include <base/try.h>
#include <delegate/call/arguments.h>
#include <delegate/call/tensor_label.h>
#include <engine/program/tensor_types.h>

namespace etrt::delegate {
namespace {

namespace et = executorch::runtime;
using executorch::aten::Tensor;

Status check_type(const engine::TensorInfo& info, const Tensor& tensor) {
  if (engine::from_executorch(tensor.scalar_type()) == info.type) return {};
  return Error(ErrorCode::kInvalidType, base::concat(label(info), " is ", engine::executorch_name(tensor.scalar_type()),
                                                     ", the engine wants ", engine::name(info.type)));
}

/// Whether the tensor lies in memory as the plan says. Dimensions of one element may stand anywhere.
bool has_layout(const engine::TensorInfo& info, const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  const auto strides = tensor.strides();
  std::int64_t expected = 1;
  for (std::size_t k = sizes.size(); k-- > 0;) {
    const std::size_t i = info.dim_order.empty() ? k : info.dim_order[k];
    if (sizes[i] != 1 && strides[i] != expected) return false;
    expected *= sizes[i];
  }
  return true;
}

Status check_input_shape(const engine::TensorInfo& info, const engine::Dims& dims) {
  if (engine::within(dims, info.minimum, info.maximum)) return {};
  const std::string wanted =
      info.is_dynamic() ? base::concat(engine::to_string(info.minimum), " to ", engine::to_string(info.maximum))
                        : engine::to_string(info.maximum);
  return Error(ErrorCode::kInvalidArgument,
               base::concat(label(info), " has shape ", engine::to_string(dims), ", the engine takes ", wanted));
}

engine::Dims dims_of(const Tensor& tensor) {
  return engine::Dims(std::span(tensor.sizes().data(), tensor.sizes().size()));
}

/// A scalar may have rank 0 on one side and be [1] on the other. An output's sizes may still be those of an earlier
/// call: what it becomes, `resize_output` checks.
Status check_rank(const engine::TensorInfo& info, const Tensor& tensor) {
  const auto rank = static_cast<std::size_t>(tensor.dim());
  const bool is_scalar = rank + info.maximum.rank() == 1 && (!info.is_input || tensor.numel() == 1);
  if (rank == info.maximum.rank() || is_scalar) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat(label(info), " has rank ", tensor.dim(), ", the engine wants rank ", info.maximum.rank()));
}

Status read_memory(const ArgumentPlan& plan, Argument& argument) {
  argument.bytes = argument.tensor.nbytes();
  argument.data = argument.tensor.mutable_data_ptr();
  argument.labelled_cuda =
      argument.tensor.unsafeGetTensorImpl()->device_type() == executorch::runtime::etensor::DeviceType::CUDA;
  if (!has_layout(plan.info, argument.tensor) && argument.bytes > 0) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat(label(plan.info), " lies in memory in another dim order than the engine's: make it ",
                              plan.info.dim_order.empty() ? "contiguous" : "of the program's dim order"));
  }
  if (argument.bytes > 0 && argument.data == nullptr) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat(label(plan.info), " of ", argument.bytes, " bytes has no memory: ",
                              plan.info.is_input ? "set_input" : "set_output", " gives it some"));
  }
  return {};
}

}  // namespace

Status read_arguments(const IoPlan& plan, et::Span<et::EValue*> values, Arguments& arguments) {
  if (values.size() != plan.arguments.size()) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("the program passes ", values.size(), " arguments, the engine has ", plan.input_count,
                              " inputs and ", plan.arguments.size() - plan.input_count, " outputs"));
  }
  arguments.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const ArgumentPlan& expected = plan.arguments[i];
    if (values[i] == nullptr || !values[i]->isTensor()) {
      return Error(ErrorCode::kInvalidType, label(expected.info) + " is not a tensor");
    }
    Argument argument(values[i]->toTensor());
    ETRT_TRY(check_type(expected.info, argument.tensor));
    ETRT_TRY(check_rank(expected.info, argument.tensor));
    if (expected.info.is_input) {
      argument.dims = *engine::at_rank(dims_of(argument.tensor), expected.info.maximum.rank());
      ETRT_TRY(check_input_shape(expected.info, argument.dims));
      ETRT_TRY(read_memory(expected, argument));
    }
    arguments.push_back(argument);
  }
  return {};
}

Status resize_output(const ArgumentPlan& plan, Argument& argument, const engine::Dims& dims) {
  const engine::Dims present = dims_of(argument.tensor);
  const engine::Dims wanted = engine::at_rank(dims, present.rank()).value_or(dims);
  if (!(present == wanted)) {
    const auto error = et::resize_tensor(
        argument.tensor, executorch::aten::ArrayRef<executorch::aten::SizesType>(wanted.sizes().data(), wanted.rank()));
    if (error != et::Error::Ok) {
      return Error(ErrorCode::kInvalidArgument,
                   base::concat(label(plan.info), " cannot be resized from ", engine::to_string(present), " to ",
                                engine::to_string(dims), ", the shape the engine gives it (ExecuTorch error ",
                                et::to_string(error), "): the program's bound is too small"));
    }
  }
  argument.dims = dims;
  return read_memory(plan, argument);
}

}  // namespace etrt::delegate
