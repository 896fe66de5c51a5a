#include <cstring>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/waits.h>
#include <engine/program/program_context.h>
#include <engine/program/program_engine.h>

namespace etrt::engine::program {

ProgramContext::ProgramContext(ProgramEngine& engine, std::unique_ptr<MethodInstance> instance)
    : engine_(engine),
      instance_(std::move(instance)),
      parameters_(*this, engine.tensors(), engine.input_count()),
      result_parameters_(parameters_) {}

Result<std::unique_ptr<ProgramContext>> ProgramContext::create(ProgramEngine& engine,
                                                               std::unique_ptr<MethodInstance> instance) {
  const cuda::Device& device = engine.device();
  std::unique_ptr<ProgramContext> context(new ProgramContext(engine, std::move(instance)));
  if (context->parameters_.bytes().size() > kMaxParameterBytes) {
    return Error(ErrorCode::kNotSupported, base::concat("nested program: ", engine.tensors().size(),
                                                        " inputs and outputs are more than a kernel launch can carry"));
  }
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device.driver, device.ordinal, device.primary));
  ETRT_TRY_ASSIGN(context->module_, cuda::load_module(device.driver, &program_module_image()));
  for (const auto& [kernel, name] :
       {std::pair{&context->program_, kProgramKernel}, {&context->results_, kResultsKernel}}) {
    ETRT_TRY(cuda::check(device.driver, device.driver.cuModuleGetFunction(kernel, context->module_.get(), name),
                         "cuModuleGetFunction"));
  }
  return context;
}

Status ProgramContext::set_input_shape(std::size_t tensor, const Dims& dims) {
  parameters_.set_dims(tensor, dims);
  return {};
}

Status ProgramContext::resolve_shapes() {
  std::vector<Dims> inputs;
  for (std::size_t i = 0; i < engine_.input_count(); ++i) inputs.push_back(parameters_.dims(i));
  ETRT_TRY_ASSIGN(const auto outputs, engine_.output_shapes(inputs));
  for (std::size_t i = 0; i < outputs.size(); ++i) parameters_.set_dims(engine_.input_count() + i, outputs[i]);
  return {};
}

Dims ProgramContext::shape(std::size_t tensor) const {
  return parameters_.dims(tensor);
}

Status ProgramContext::bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) {
  const TensorInfo& info = engine_.tensors()[tensor];
  const std::size_t needed = element_count(parameters_.dims(tensor)).value_or(0) * byte_size(info.type);
  if (bytes < needed) {
    return Error(ErrorCode::kInvalidArgument, base::concat("tensor '", info.name, "' of ", needed,
                                                           " bytes was bound to memory of ", bytes, " bytes"));
  }
  // The program's own launch leaves data-dependent outputs where they are.
  (info.data_dependent ? result_parameters_ : parameters_).bind(tensor, address, needed);
  return {};
}

Status ProgramContext::enqueue(cuda::StreamRef stream) {
  ETRT_TRY(launch(program_, parameters_, stream));
  return engine_.has_data_dependent_outputs() ? deliver_results(stream) : Status();
}

Status ProgramContext::launch(CUfunction kernel, const LaunchParameters& parameters, cuda::StreamRef stream) const {
  const cuda::Driver& driver = engine_.device().driver;
  const auto bytes = parameters.bytes();
  std::size_t size = bytes.size();
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, const_cast<std::byte*>(bytes.data()), CU_LAUNCH_PARAM_BUFFER_SIZE,
                   &size, CU_LAUNCH_PARAM_END};
  return cuda::check(driver, driver.cuLaunchKernel(kernel, 1, 1, 1, 1, 1, 1, 0, stream.get(), nullptr, extra),
                     "cuLaunchKernel");
}

/// Waits until the program has run, gives each data-dependent output memory of its true size, and has it copied there
/// on the stream.
Status ProgramContext::deliver_results(cuda::StreamRef stream) {
  const cuda::Driver& driver = engine_.device().driver;
  ETRT_TRY(cuda::synchronize(driver, stream));
  if (failure_) return *std::exchange(failure_, std::nullopt);
  LaunchParameters parameters = result_parameters_;
  const auto tensors = engine_.tensors();
  for (std::size_t i = engine_.input_count(); i < tensors.size(); ++i) {
    if (!tensors[i].data_dependent) continue;
    ETRT_TRY_ASSIGN(const HostTensor result, instance_->output(i - engine_.input_count(), tensors[i]));
    ETRT_TRY_ASSIGN(const std::uint64_t address, place_result(i, result, stream));
    parameters.bind(i, address, result.bytes);
  }
  return launch(results_, parameters, stream);
}

Result<std::uint64_t> ProgramContext::place_result(std::size_t tensor, const HostTensor& result,
                                                   cuda::StreamRef stream) {
  std::uint64_t address = result_parameters_.address(tensor);
  const bool fits = result_parameters_.bound_bytes(tensor) >= result.bytes;
  if (allocator_ != nullptr) address = allocator_->allocate(tensor, result.bytes, stream);
  if (result.bytes > 0 && (allocator_ != nullptr ? address == 0 : !fits)) {
    return Error(ErrorCode::kOutOfMemory,
                 base::concat("nested program: there is no memory for output '", engine_.tensors()[tensor].name,
                              "', which came out as ", to_string(result.dims)));
  }
  if (allocator_ != nullptr) allocator_->set_shape(tensor, result.dims);
  return address;
}

void ProgramContext::copy_results(std::span<const HostTensor> tensors) {
  for (std::size_t i = engine_.input_count(); i < tensors.size(); ++i) {
    if (tensors[i].bytes == 0) continue;
    // It could be read when the memory was asked for, and nothing has run since.
    const auto result = instance_->output(i - engine_.input_count(), engine_.tensors()[i]);
    if (result.ok()) std::memcpy(tensors[i].data, result->data, tensors[i].bytes);
  }
}

void ProgramContext::run(std::span<const HostTensor> tensors) {
  const std::size_t inputs = engine_.input_count();
  Status status = instance_->run(engine_.tensors(), tensors.first(inputs), tensors.subspan(inputs));
  if (status.ok()) return;
  // Whoever reads the outputs before he learns of the failure finds nothing of an earlier run.
  for (const HostTensor& output : tensors.subspan(inputs)) {
    if (output.bytes > 0) std::memset(output.data, 0, output.bytes);
  }
  if (engine_.has_data_dependent_outputs()) {
    failure_ = std::move(status).error();  // The enqueue waits for it.
  } else if (failures_ != nullptr) {
    failures_->failed(std::move(status).error());
  }
}

}  // namespace etrt::engine::program
