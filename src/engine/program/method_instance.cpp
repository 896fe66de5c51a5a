#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <unistd.h>

#include <executorch/extension/threadpool/threadpool_guard.h>
#include <executorch/runtime/backend/backend_options_map.h>
#include <executorch/runtime/core/exec_aten/util/dim_order_util.h>

#include <base/checked_math.h>
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

std::string label(bool is_input, std::size_t index) {
  return base::concat(is_input ? "input " : "output ", index);
}

Error malformed(const std::string& what) {
  return Error(ErrorCode::kInvalidData, base::concat("nested program: ", what, ": export the program again"));
}

/// A value that is no tensor, or that the file does not hold, is an error here; Method ends the process over it.
Result<et::TensorInfo> tensor_meta(const et::MethodMeta& method, bool is_input, std::size_t index) {
  const auto tag = is_input ? method.input_tag(index) : method.output_tag(index);
  if (!tag.ok()) return malformed(label(is_input, index) + " names no value");
  if (*tag != et::Tag::Tensor) {
    return Error(ErrorCode::kNotSupported,
                 base::concat("nested program: ", label(is_input, index), " is not a tensor"));
  }
  auto meta = is_input ? method.input_tensor_meta(index) : method.output_tensor_meta(index);
  if (!meta.ok()) return malformed(label(is_input, index) + " is a malformed tensor");
  return *meta;
}

bool is_permutation(et::Span<const std::uint8_t> order, std::size_t rank) {
  std::vector<bool> seen(rank);
  for (const std::uint8_t dim : order) {
    if (dim >= rank || seen[dim]) return false;
    seen[dim] = true;
  }
  return order.size() == rank;
}

Result<TensorInfo> describe_tensor(const et::TensorInfo& meta, bool is_input, std::size_t index) {
  const auto type = from_executorch(meta.scalar_type());
  if (!type) {
    return Error(ErrorCode::kNotSupported,
                 base::concat("nested program: ", label(is_input, index), " has element type ",
                              executorch_name(meta.scalar_type()), ", which TensorRT and etrt do not have"));
  }
  const std::span sizes(meta.sizes().data(), meta.sizes().size());
  if (sizes.size() > kMaxRank) {
    return Error(ErrorCode::kNotSupported, base::concat("nested program: ", label(is_input, index), " has rank ",
                                                        sizes.size(), ", the limit is ", kMaxRank));
  }
  const auto order = meta.dim_order();
  if (!element_count(Dims(sizes)) || !is_permutation(order, sizes.size())) {
    return malformed(label(is_input, index) + " has sizes or an order of dimensions that no tensor can have");
  }
  TensorInfo info;
  info.name = meta.name().empty() ? base::concat(is_input ? "input_" : "output_", index) : std::string(meta.name());
  info.type = *type;
  info.is_input = is_input;
  info.maximum = Dims(sizes);
  info.minimum = info.maximum;
  if (!std::is_sorted(order.begin(), order.end())) info.dim_order.assign(order.begin(), order.end());
  return info;
}

/// The metadata does not tell whether a shape is an upper bound; the loaded value does.
void allow_smaller_shapes(TensorInfo& info, const et::EValue& value) {
  if (value.toTensor().unsafeGetTensorImpl()->shape_dynamism() == et::TensorShapeDynamism::STATIC) return;
  for (std::size_t i = 0; i < info.minimum.rank(); ++i) info.minimum[i] = 0;
}

std::size_t physical_memory() {
  return static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Result<std::unique_ptr<MethodInstance>> MethodInstance::create(const et::Program& program, const std::string& method) {
  const auto meta = program.method_meta(method.c_str());
  ETRT_TRY(from_et(meta.error(), "reading method " + method));

  std::unique_ptr<MethodInstance> instance(new MethodInstance());
  for (std::size_t i = 0; i < meta->num_memory_planned_buffers(); ++i) {
    const auto size = meta->memory_planned_buffer_size(i);
    ETRT_TRY(from_et(size.error(), "reading the planned memory"));
    if (*size < 0) return malformed(base::concat("planned buffer ", i, " is of ", *size, " bytes"));
    ETRT_TRY_ASSIGN(const auto buffer, instance->allocate(static_cast<std::size_t>(*size)));
    instance->planned_spans_.push_back(buffer);
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

Result<MethodInstance::Memory> MethodInstance::zeroed(std::size_t bytes) const {
  const auto total = base::checked_add(allocated_, bytes);
  if (!total || *total > physical_memory()) {
    return Error(ErrorCode::kOutOfMemory,
                 base::concat("nested program: it wants another ", bytes, " bytes beside ", allocated_,
                              ", this machine has ", physical_memory(), " in all: export it with smaller bounds"));
  }
  Memory memory(static_cast<std::uint8_t*>(std::calloc(std::max<std::size_t>(bytes, 1), 1)));
  if (memory != nullptr) return memory;
  return Error(ErrorCode::kOutOfMemory, base::concat("nested program: no host memory for ", bytes, " bytes"));
}

Result<et::Span<std::uint8_t>> MethodInstance::allocate(std::size_t bytes) {
  ETRT_TRY_ASSIGN(auto memory, zeroed(bytes));
  memory_.push_back(std::move(memory));
  allocated_ += bytes;
  return et::Span<std::uint8_t>(memory_.back().get(), bytes);
}

Status MethodInstance::back_unplanned_outputs() {
  const et::MethodMeta meta = method_->method_meta();
  for (std::size_t i = 0; i < meta.num_outputs(); ++i) {
    const auto output = meta.output_tensor_meta(i);
    if (!output.ok() || output->is_memory_planned()) continue;
    ETRT_TRY_ASSIGN(const auto memory, allocate(output->nbytes()));
    const auto error = method_->set_output_data_ptr(memory.data(), memory.size(), i);
    ETRT_TRY(from_et(error, base::concat("giving memory to output ", i)));
  }
  return {};
}

Result<std::vector<TensorInfo>> MethodInstance::describe() const {
  const et::MethodMeta meta = method_->method_meta();
  std::vector<TensorInfo> infos;
  for (std::size_t i = 0; i < meta.num_inputs(); ++i) {
    ETRT_TRY_ASSIGN(const auto tensor, tensor_meta(meta, true, i));
    ETRT_TRY_ASSIGN(auto info, describe_tensor(tensor, true, i));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    allow_smaller_shapes(info, method_->get_input(i));
#pragma GCC diagnostic pop
    infos.push_back(std::move(info));
  }
  for (std::size_t i = 0; i < meta.num_outputs(); ++i) {
    ETRT_TRY_ASSIGN(const auto tensor, tensor_meta(meta, false, i));
    ETRT_TRY_ASSIGN(auto info, describe_tensor(tensor, false, i));
    allow_smaller_shapes(info, method_->get_output(i));
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
    const TensorInfo& info = infos[inputs.size() + i];
    if (info.data_dependent) continue;
    ETRT_TRY_ASSIGN(const HostTensor result, output(i, info));
    if (!(result.dims == outputs[i].dims)) {
      return Error(ErrorCode::kInvalidData,
                   base::concat("nested program: output '", info.name, "' came out as ", to_string(result.dims),
                                " where inputs of these shapes gave ", to_string(outputs[i].dims),
                                " before: its shape depends on data, which none of its operators says"));
    }
    if (result.bytes > 0) std::memcpy(outputs[i].data, result.data, result.bytes);
  }
  return {};
}

/// A program may move any value into an output's place.
Result<HostTensor> MethodInstance::output(std::size_t index, const TensorInfo& info) const {
  const et::EValue& value = method_->get_output(index);
  if (!value.isTensor() || from_executorch(value.toTensor().scalar_type()) != info.type) {
    return malformed(base::concat("output '", info.name, "' came out as another kind of value"));
  }
  const Tensor tensor = value.toTensor();
  if (tensor.nbytes() > 0 && tensor.const_data_ptr() == nullptr) {
    return malformed(base::concat("output '", info.name, "' has no memory"));
  }
  const auto sizes = tensor.sizes();
  return HostTensor{tensor.mutable_data_ptr(), tensor.nbytes(), Dims(std::span(sizes.data(), sizes.size()))};
}

Result<std::vector<Dims>> MethodInstance::probe_shapes(std::span<const TensorInfo> infos,
                                                       std::span<const Dims> inputs) {
  std::vector<Memory> zeros;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t bytes = element_count(inputs[i]).value_or(0) * byte_size(infos[i].type);
    ETRT_TRY_ASSIGN(auto memory, zeroed(bytes));
    ETRT_TRY(set_input(i, infos[i], {memory.get(), bytes, inputs[i]}));
    zeros.push_back(std::move(memory));
  }
  ETRT_TRY(execute());
  std::vector<Dims> shapes;
  for (std::size_t i = inputs.size(); i < infos.size(); ++i) {
    ETRT_TRY_ASSIGN(const HostTensor result, output(i - inputs.size(), infos[i]));
    shapes.push_back(result.dims);
  }
  return shapes;
}

}  // namespace etrt::engine::program
