#include <algorithm>
#include <cstring>

#include <executorch/extension/threadpool/threadpool_guard.h>
#include <executorch/runtime/backend/backend_options_map.h>
#include <executorch/runtime/core/exec_aten/util/dim_order_util.h>

#include <base/format.h>
#include <base/try.h>
#include <engine/program/method_instance.h>
#include <engine/program/tensor_types.h>

namespace etrt::engine::program {
namespace {

namespace et = executorch::runtime;
using executorch::aten::DimOrderType;
using executorch::aten::SizesType;
using executorch::aten::StridesType;
using executorch::aten::Tensor;
using executorch::aten::TensorImpl;
using executorch::extension::threadpool::NoThreadPoolGuard;

Status from_et(et::Error error, const std::string& what) {
  if (error == et::Error::Ok) return {};
  const auto code = error == et::Error::MemoryAllocationFailed ? ErrorCode::kOutOfMemory : ErrorCode::kInvalidData;
  return Error(code, base::concat("nested program: ", what, " failed with ExecuTorch error ", et::to_string(error)));
}

/// XNNPACK shares one workspace, behind one mutex, between all methods of a process unless told otherwise; contexts in
/// two partitions would wait for each other.
et::Result<et::Method> load_unshared(const et::Program& program, const char* name, et::MemoryManager* memory) {
  et::BackendOptions<1> xnnpack;
  et::LoadBackendOptionsMap options;
  if (const auto error = xnnpack.set_option("workspace_sharing_mode", 0); error != et::Error::Ok) return error;
  if (const auto error = options.set_options("XnnpackBackend", xnnpack.view()); error != et::Error::Ok) return error;
  return program.load_method(name, memory, nullptr, nullptr, &options);
}

Result<TensorInfo> describe_tensor(const et::Result<et::TensorInfo>& meta, const et::EValue& value, bool is_input,
                                   std::size_t index) {
  const std::string label = base::concat(is_input ? "input " : "output ", index);
  if (!meta.ok() || !value.isTensor()) {
    return Error(ErrorCode::kNotSupported, base::concat("nested program: ", label, " is not a tensor"));
  }
  const auto type = from_executorch(meta->scalar_type());
  if (!type) {
    return Error(ErrorCode::kNotSupported,
                 base::concat("nested program: ", label, " has element type ", executorch_name(meta->scalar_type()),
                              ", which TensorRT and etrt do not have"));
  }
  if (meta->sizes().size() > kMaxRank) {
    return Error(ErrorCode::kNotSupported, base::concat("nested program: ", label, " has rank ", meta->sizes().size(),
                                                        ", the limit is ", kMaxRank));
  }
  TensorInfo info;
  info.name = meta->name().empty() ? base::concat(is_input ? "input_" : "output_", index) : std::string(meta->name());
  info.type = *type;
  info.is_input = is_input;
  info.maximum = Dims(std::span(meta->sizes().data(), meta->sizes().size()));
  info.minimum = info.maximum;
  const Tensor tensor = value.toTensor();
  if (tensor.unsafeGetTensorImpl()->shape_dynamism() != et::TensorShapeDynamism::STATIC) {
    for (std::size_t i = 0; i < info.minimum.rank(); ++i) info.minimum[i] = 0;
  }
  const auto order = meta->dim_order();
  if (!std::is_sorted(order.begin(), order.end())) info.dim_order.assign(order.begin(), order.end());
  return info;
}

}  // namespace

Result<std::unique_ptr<MethodInstance>> MethodInstance::create(const et::Program& program, const std::string& method) {
  const auto meta = program.method_meta(method.c_str());
  ETRT_TRY(from_et(meta.error(), "reading method " + method));

  std::unique_ptr<MethodInstance> instance(new MethodInstance());
  const std::size_t buffers = meta->num_memory_planned_buffers();
  instance->planned_buffers_.resize(buffers);
  for (std::size_t i = 0; i < buffers; ++i) {
    const auto size = meta->memory_planned_buffer_size(i);
    ETRT_TRY(from_et(size.error(), "reading the planned memory"));
    constexpr std::int64_t kLimit = std::int64_t{1} << 36;
    if (*size < 0 || *size > kLimit) {
      return Error(ErrorCode::kInvalidData,
                   base::concat("nested program: planned buffer ", i, " of ", *size, " bytes is not credible"));
    }
    instance->planned_buffers_[i].resize(static_cast<std::size_t>(*size));
    instance->planned_spans_.emplace_back(instance->planned_buffers_[i].data(), instance->planned_buffers_[i].size());
  }
  instance->planned_memory_ = std::make_unique<et::HierarchicalAllocator>(
      et::Span<et::Span<std::uint8_t>>(instance->planned_spans_.data(), instance->planned_spans_.size()));
  instance->memory_manager_ = std::make_unique<et::MemoryManager>(
      &instance->method_allocator_, instance->planned_memory_.get(), &instance->temp_allocator_);

  const NoThreadPoolGuard no_pool;
  auto loaded = load_unshared(program, method.c_str(), instance->memory_manager_.get());
  ETRT_TRY(from_et(loaded.error(), "loading method " + method));
  instance->method_ = std::make_unique<et::Method>(std::move(*loaded));
  ETRT_TRY(instance->back_unplanned_outputs());
  return instance;
}

Status MethodInstance::back_unplanned_outputs() {
  const et::MethodMeta meta = method_->method_meta();
  for (std::size_t i = 0; i < meta.num_outputs(); ++i) {
    const auto output = meta.output_tensor_meta(i);
    if (!output.ok() || output->is_memory_planned()) continue;
    unplanned_outputs_.emplace_back(std::max<std::size_t>(output->nbytes(), 1));
    const auto error =
        method_->set_output_data_ptr(unplanned_outputs_.back().data(), unplanned_outputs_.back().size(), i);
    ETRT_TRY(from_et(error, base::concat("giving memory to output ", i)));
  }
  return {};
}

Result<std::vector<TensorInfo>> MethodInstance::describe() const {
  const et::MethodMeta meta = method_->method_meta();
  std::vector<TensorInfo> infos;
  for (std::size_t i = 0; i < meta.num_inputs(); ++i) {
    // ExecuTorch tells the shape dynamism of an input by its value alone.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    const et::EValue& value = method_->get_input(i);
#pragma GCC diagnostic pop
    ETRT_TRY_ASSIGN(auto info, describe_tensor(meta.input_tensor_meta(i), value, true, i));
    infos.push_back(std::move(info));
  }
  for (std::size_t i = 0; i < meta.num_outputs(); ++i) {
    ETRT_TRY_ASSIGN(auto info, describe_tensor(meta.output_tensor_meta(i), method_->get_output(i), false, i));
    infos.push_back(std::move(info));
  }
  return infos;
}

Status MethodInstance::set_input(std::size_t index, const TensorInfo& info, const HostTensor& tensor) {
  std::array<SizesType, kMaxRank> sizes{};
  std::array<DimOrderType, kMaxRank> order{};
  std::array<StridesType, kMaxRank> strides{};
  const std::size_t rank = tensor.dims.rank();
  for (std::size_t i = 0; i < rank; ++i) {
    sizes[i] = tensor.dims[i];
    order[i] = info.dim_order.empty() ? static_cast<DimOrderType>(i) : info.dim_order[i];
  }
  ETRT_TRY(from_et(et::dim_order_to_stride(sizes.data(), order.data(), rank, strides.data()), "computing strides"));
  // The method copies shape and address out of this description before set_input returns.
  TensorImpl impl(to_executorch(info.type), static_cast<ssize_t>(rank), sizes.data(), tensor.data, order.data(),
                  strides.data());
  return from_et(method_->set_input(et::EValue(Tensor(&impl)), index), "setting input '" + info.name + "'");
}

Status MethodInstance::execute() {
  const NoThreadPoolGuard no_pool;
  Status status = from_et(method_->execute(), "executing");
  temp_allocator_.reset();
  return status;
}

Status MethodInstance::run(std::span<const TensorInfo> infos, std::span<const HostTensor> inputs,
                           std::span<const HostTensor> outputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) ETRT_TRY(set_input(i, infos[i], inputs[i]));
  ETRT_TRY(execute());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const Tensor tensor = method_->get_output(i).toTensor();
    const Dims dims(std::span(tensor.sizes().data(), tensor.sizes().size()));
    if (!(dims == outputs[i].dims)) {
      return Error(ErrorCode::kInternal,
                   base::concat("nested program: output '", infos[inputs.size() + i].name, "' came out as ",
                                to_string(dims), " where ", to_string(outputs[i].dims),
                                " was expected: its shape depends on the data, which etrt cannot run asynchronously"));
    }
    if (tensor.nbytes() > 0) {
      std::memcpy(outputs[i].data, tensor.const_data_ptr(), tensor.nbytes());
    }
  }
  return {};
}

Result<std::vector<Dims>> MethodInstance::probe_shapes(std::span<const TensorInfo> infos,
                                                       std::span<const Dims> inputs) {
  std::vector<std::vector<std::byte>> zeros(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    zeros[i].resize(element_count(inputs[i]).value_or(0) * byte_size(infos[i].type) + 1);
    ETRT_TRY(set_input(i, infos[i], {zeros[i].data(), zeros[i].size(), inputs[i]}));
  }
  ETRT_TRY(execute());
  std::vector<Dims> outputs;
  for (std::size_t i = 0; i < method_->outputs_size(); ++i) {
    const auto sizes = method_->get_output(i).toTensor().sizes();
    outputs.emplace_back(std::span(sizes.data(), sizes.size()));
  }
  return outputs;
}

}  // namespace etrt::engine::program
