#include <algorithm>

#include <executorch/extension/data_loader/buffer_data_loader.h>
#include <executorch/runtime/core/exec_aten/util/tensor_util.h>

#include <api/in_context.h>
#include <base/format.h>
#include <base/try.h>
#include <cli/delegate_choices.h>
#include <cli/log_capture.h>
#include <cli/session.h>
#include <cli/text.h>
#include <etrt/options.h>

namespace etrt::cli {
namespace {

namespace et = executorch::runtime;

Status download(const Device& device, const void* from, std::vector<std::byte>& to, cudaStream_t stream) {
  ETRT_TRY(api::in_context(device.native(), "cuMemcpyDtoHAsync", [&](const cuda::Driver& driver) {
    return driver.cuMemcpyDtoHAsync(to.data(), reinterpret_cast<CUdeviceptr>(from), to.size(), stream);
  }));
  return api::in_context(device.native(), "cuStreamSynchronize",
                         [&](const cuda::Driver& driver) { return driver.cuStreamSynchronize(stream); });
}

}  // namespace

std::unique_ptr<et::DataLoader> loader_of(std::span<const std::byte> bytes) {
  return std::make_unique<executorch::extension::BufferDataLoader>(bytes.data(), bytes.size());
}

Session::Session(const ProgramFile& program, const pte::MethodInfo& method, SessionOptions options)
    : program_(program),
      info_(method),
      options_(std::move(options)),
      module_(loader_of(program.bytes()), nullptr, nullptr, nullptr,
              options_.data == nullptr ? nullptr : loader_of(options_.data->bytes())) {}

Result<std::unique_ptr<Session>> Session::load(const ProgramFile& program, const pte::MethodInfo& method,
                                               const SessionOptions& options) {
  std::unique_ptr<Session> session(new Session(program, method, options));
  ETRT_TRY(session->load_program());
  ETRT_TRY(session->provide_outputs());
  return session;
}

Error Session::failed(const char* what, et::Error code) const {
  return LogCapture::instance().explain(
      base::concat(program_.name(), ": cannot ", what, " method '", printable(info_.name), "'"), code);
}

Status Session::load_program() {
  ETRT_TRY_ASSIGN(BackendOptions options, backend_options(options_.delegate));
  et::LoadBackendOptionsMap map;
  if (!options.view().empty()) static_cast<void>(map.set_options(kBackendId, options.view()));
  if (options_.resident) ETRT_TRY(plan_device_memory());

  auto code = module_.load(map, et::Program::Verification::InternalConsistency);
  if (code == et::Error::Ok) code = module_.load_method(info_.name, planned_allocator_.get());
  return code == et::Error::Ok ? Status() : failed("load", code);
}

/// ExecuTorch would plan host memory. The method passes its planned tensors to the delegate alone, so any memory that
/// the delegate can use will do.
Status Session::plan_device_memory() {
  for (const std::int64_t size : info_.planned_buffers) {
    if (size < 0) return Error(ErrorCode::kInvalidData, program_.name() + " plans a buffer of negative size");
    const auto bytes = static_cast<std::size_t>(size);
    ETRT_TRY_ASSIGN(void* data, allocate(bytes));
    planned_.emplace_back(static_cast<std::uint8_t*>(data), bytes);
  }
  planned_allocator_ =
      std::make_unique<et::HierarchicalAllocator>(et::Span<et::Span<std::uint8_t>>(planned_.data(), planned_.size()));
  return {};
}

Result<void*> Session::allocate(std::size_t bytes) {
  bytes = std::max<std::size_t>(bytes, 1);
  if (options_.resident) {
    ETRT_TRY_ASSIGN(Buffer buffer, Buffer::on_device(*options_.resident, bytes));
    device_memory_.push_back(std::move(buffer));
    return device_memory_.back().data();
  }
  host_memory_.emplace_back(bytes);
  return static_cast<void*>(host_memory_.back().data());
}

/// Outputs that the program does not plan are the caller's to provide, at their upper bound.
Status Session::provide_outputs() {
  for (std::size_t i = 0; i < info_.outputs.size(); ++i) {
    const pte::ValueInfo& output = info_.outputs[i];
    if (output.kind != "Tensor" || output.tensor.planned) continue;
    HostTensor bound;
    ETRT_TRY_ASSIGN(bound.type, element_type_of(output, base::concat("output ", i)));
    bound.sizes = output.tensor.sizes;
    bound.dim_order = output.tensor.dim_order;
    ETRT_TRY_ASSIGN(const std::size_t bytes, byte_count(*bound.type, bound.sizes));
    ETRT_TRY_ASSIGN(void* data, allocate(bytes));
    const auto tensor = view_of(bound, data);
    const auto code = module_.set_output(info_.name, et::EValue(*tensor), i);
    // An output that is a constant, or an input handed through, has memory of its own.
    if (code != et::Error::Ok) static_cast<void>(LogCapture::instance().take_errors());
  }
  return {};
}

Status Session::set_inputs(std::span<const HostTensor> inputs, cudaStream_t stream) {
  for (const HostTensor& input : inputs) {
    if (options_.resident) {
      ETRT_TRY_ASSIGN(Buffer buffer,
                      Buffer::on_device(*options_.resident, std::max<std::size_t>(input.data.size(), 1)));
      if (!input.data.empty()) ETRT_TRY(buffer.copy_from_host(input.data.data(), input.data.size(), stream));
      tensors_.push_back(view_of(input, buffer.data()));
      device_memory_.push_back(std::move(buffer));
    } else {
      host_memory_.push_back(input.data);
      tensors_.push_back(view_of(input, host_memory_.back().data()));
    }
    inputs_.emplace_back(*tensors_.back());
  }
  return {};
}

Status Session::execute() {
  auto outputs = module_.execute(info_.name, inputs_);
  if (!outputs.ok()) return failed("run", outputs.error());
  outputs_ = std::move(outputs.get());
  return {};
}

Result<std::vector<HostTensor>> Session::read_outputs(cudaStream_t stream) const {
  std::vector<HostTensor> tensors;
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const std::string where = base::concat("output ", i);
    if (!outputs_[i].isTensor()) return Error(ErrorCode::kNotSupported, where + " is not a tensor");
    const executorch::aten::Tensor& output = outputs_[i].toTensor();
    HostTensor tensor;
    tensor.type = find_element_type(output.scalar_type());
    if (tensor.type == nullptr) return Error(ErrorCode::kNotSupported, where + " is of a type that cannot be read");
    tensor.sizes.assign(output.sizes().begin(), output.sizes().end());
    tensor.dim_order.assign(output.dim_order().begin(), output.dim_order().end());
    tensor.data.resize(output.nbytes());
    const void* data = output.const_data_ptr();
    if (!tensor.data.empty() && data == nullptr) return Error(ErrorCode::kInternal, where + " has no memory");
    if (!tensor.data.empty() && options_.resident) {
      ETRT_TRY(download(*options_.resident, data, tensor.data, stream));
    } else if (!tensor.data.empty()) {
      std::memcpy(tensor.data.data(), data, tensor.data.size());
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

Result<et::Method*> Session::prepared_method() {
  et::Method* method = module_.loaded(info_.name);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (const auto code = method->set_input(inputs_[i], i); code != et::Error::Ok) return failed("prepare", code);
  }
  return method;
}

}  // namespace etrt::cli
