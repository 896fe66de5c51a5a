#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <engine/program/program_context.h>
#include <engine/program/program_engine.h>

namespace etrt::engine::program {

ProgramContext::ProgramContext(ProgramEngine& engine, std::unique_ptr<MethodInstance> instance)
    : engine_(engine), instance_(std::move(instance)), parameters_(*this, engine.tensors(), engine.input_count()) {}

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
  ETRT_TRY(cuda::check(device.driver,
                       device.driver.cuModuleGetFunction(&context->kernel_, context->module_.get(), kProgramKernel),
                       "cuModuleGetFunction"));
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
  parameters_.bind(tensor, address, needed);
  return {};
}

Status ProgramContext::enqueue(cuda::StreamRef stream) {
  const cuda::Driver& driver = engine_.device().driver;
  const auto bytes = parameters_.bytes();
  std::size_t size = bytes.size();
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, const_cast<std::byte*>(bytes.data()), CU_LAUNCH_PARAM_BUFFER_SIZE,
                   &size, CU_LAUNCH_PARAM_END};
  return cuda::check(driver, driver.cuLaunchKernel(kernel_, 1, 1, 1, 1, 1, 1, 0, stream.get(), nullptr, extra),
                     "cuLaunchKernel");
}

void ProgramContext::run(std::span<const HostTensor> tensors) {
  const std::size_t inputs = engine_.input_count();
  Status status = instance_->run(engine_.tensors(), tensors.first(inputs), tensors.subspan(inputs));
  if (!status.ok() && failures_ != nullptr) failures_->failed(std::move(status).error());
}

}  // namespace etrt::engine::program
