#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/tensorrt_context.h>
#include <engine/tensorrt/tensorrt_engine.h>
#include <engine/tensorrt/types.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

/// A shape of at least `bytes`: the first open size takes what the others leave.
Dims filled(const Dims& open, std::int64_t bytes, DataType type) {
  std::int64_t rest = std::max<std::int64_t>(0, bytes) / static_cast<std::int64_t>(byte_size(type));
  for (const std::int32_t size : open.sizes()) {
    if (size > 0) rest = (rest + size - 1) / size;
    if (size == 0) rest = 0;
  }
  Dims dims = open;
  for (std::size_t i = 0; i < dims.rank(); ++i) {
    if (dims[i] >= 0) continue;
    dims[i] = static_cast<std::int32_t>(std::min<std::int64_t>(rest, std::numeric_limits<std::int32_t>::max()));
    rest = 1;
  }
  return dims;
}

/// What stands for the address of an empty tensor on the host: TensorRT wants one and touches nothing there.
std::uint64_t empty_host_address() {
  alignas(256) static std::byte nothing[256];
  return reinterpret_cast<std::uint64_t>(&nothing);
}

}  // namespace

bool has_open_size(const Dims& dims) {
  return std::find(dims.sizes().begin(), dims.sizes().end(), -1) != dims.sizes().end();
}

Result<std::unique_ptr<TensorRtContext>> TensorRtContext::create(TensorRtEngine& engine, std::optional<int> profile) {
  const LoggedErrors errors;
  auto native =
      adopt(engine.native().createExecutionContext(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
  if (native == nullptr) {
    return Error(ErrorCode::kOutOfMemory, base::concat("no execution context for the engine: ", errors.text()));
  }
  if (!native->setTemporaryStorageAllocator(&engine.temporary_storage())) {
    return Error(ErrorCode::kInternal,
                 base::concat("the execution context takes no allocator of temporary storage: ", errors.text()));
  }
  return std::unique_ptr<TensorRtContext>(new TensorRtContext(engine, std::move(native), profile));
}

TensorRtContext::TensorRtContext(TensorRtEngine& engine, std::unique_ptr<nvinfer1::IExecutionContext> native,
                                 std::optional<int> profile)
    : engine_(engine),
      native_(std::move(native)),
      pinned_(profile),
      settings_(engine.tensors().size()),
      aux_streams_(engine.device(), engine.native().getNbAuxStreams()) {
  for (std::size_t i = 0; i < settings_.size(); ++i) settings_[i].dims = settings_[i].open = info(i).maximum;
}

TensorRtContext::~TensorRtContext() {
  const cuda::Device& device = engine_.device();
  const cuda::RelaxedCapture relaxed(device.driver);
  const auto scope = cuda::CurrentContext::push(device.driver, device.primary);
  // The copies of a switch that no enqueue has waited for.
  if (switch_pending_) static_cast<void>(device.driver.cuStreamSynchronize(profile_stream_.get()));
  native_.reset();
}

const TensorInfo& TensorRtContext::info(std::size_t tensor) const {
  return engine_.tensors()[tensor];
}

Status TensorRtContext::set_input_shape(std::size_t tensor, const Dims& dims) {
  settings_[tensor].dims = dims;
  return {};
}

Status TensorRtContext::resolve_shapes() {
  complete_ = false;
  ETRT_TRY_ASSIGN(const int profile, choose_profile());
  if (profile != profile_ || !profile_is_set_) ETRT_TRY(use_profile(profile));
  ETRT_TRY(infer_shapes());
  for (const std::size_t tensor : engine_.outputs()) ETRT_TRY(read_output(tensor));
  return measure_memory();
}

Result<int> TensorRtContext::choose_profile() const {
  std::vector<InputSetting> inputs;
  for (const std::size_t tensor : engine_.inputs()) inputs.push_back({settings_[tensor].dims, host_values(tensor)});
  const Profiles& profiles = engine_.profiles();
  if (pinned_) {
    if (profiles.fits(*pinned_, inputs)) return *pinned_;
  } else if (const auto fitting = profiles.fitting(inputs, profile_)) {
    return *fitting;
  }
  std::string asked;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    asked += base::concat(i == 0 ? "" : ", ", info(engine_.inputs()[i]).name, " ", to_string(inputs[i].dims));
  }
  return Error(ErrorCode::kInvalidArgument,
               base::concat(pinned_ ? base::concat("the pinned optimization_profile ", *pinned_, " does not allow ")
                                    : std::string("no optimization profile allows "),
                            asked, " together. The engine has ", profiles.describe(engine_.input_names())));
}

/// The values of a shape tensor, as far as a profile can limit them; empty for other inputs.
std::vector<std::int64_t> TensorRtContext::host_values(std::size_t tensor) const {
  const Setting& setting = settings_[tensor];
  const DataType type = info(tensor).type;
  if (info(tensor).location != Location::kHost || setting.address == 0) return {};
  if (type != DataType::kInt32 && type != DataType::kInt64) return {};
  std::vector<std::int64_t> values(std::min(element_count(setting.dims).value_or(0), setting.bytes / byte_size(type)));
  const auto* memory = reinterpret_cast<const std::byte*>(setting.address);
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::int32_t narrow = 0;
    if (type == DataType::kInt64) std::memcpy(&values[i], memory + i * 8, 8);
    if (type == DataType::kInt32) {
      std::memcpy(&narrow, memory + i * 4, 4);
      values[i] = narrow;
    }
  }
  return values;
}

Status TensorRtContext::use_profile(int profile) {
  const cuda::Device& device = engine_.device();
  // The copies belong to no capture that may be under way, and the stream to no green context of the caller.
  const cuda::RelaxedCapture relaxed(device.driver);
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  if (!profile_stream_) {
    ETRT_TRY_ASSIGN(profile_switched_, cuda::create_event(device.driver));
    ETRT_TRY_ASSIGN(profile_stream_, cuda::create_stream(device.driver));
  }
  // Until all went well the context may have either profile, or neither.
  profile_is_set_ = false;
  switch_pending_ = true;
  const LoggedErrors errors;
  if (!native_->setOptimizationProfileAsync(profile, profile_stream_.get())) {
    return Error(ErrorCode::kDriver, base::concat("optimization_profile ", profile, " was refused: ", errors.text()));
  }
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    if (settings_[i].address != 0) ETRT_TRY(pass_address(i));
  }
  ETRT_TRY(cuda::check(device.driver, device.driver.cuEventRecord(profile_switched_.get(), profile_stream_.get()),
                       "cuEventRecord"));
  profile_ = profile;
  profile_is_set_ = true;
  return {};
}

/// Orders the next enqueue behind the copies of a switch, as TensorRT demands. Later ones are ordered behind that one.
Status TensorRtContext::wait_for_switch(cuda::StreamRef stream) {
  const cuda::Driver& driver = engine_.device().driver;
  ETRT_TRY_ASSIGN(const bool in_capture, is_in_capture(driver, stream));
  if (!in_capture) {
    return cuda::check(driver, driver.cuStreamWaitEvent(stream.get(), profile_switched_.get(), 0), "cuStreamWaitEvent");
  }
  // A graph cannot wait for what was enqueued outside of its capture.
  const cuda::RelaxedCapture relaxed(driver);
  return cuda::check(driver, driver.cuEventSynchronize(profile_switched_.get()), "cuEventSynchronize");
}

Status TensorRtContext::infer_shapes() {
  const LoggedErrors errors;
  for (const std::size_t tensor : engine_.inputs()) {
    const Dims& dims = settings_[tensor].dims;
    if (!engine_.is_open(tensor)) continue;
    if (!native_->setInputShape(info(tensor).name.c_str(), to_nvinfer(dims))) {
      return Error(ErrorCode::kInvalidArgument,
                   base::concat("shape ", to_string(dims), " of input '", info(tensor).name,
                                "' was refused in profile ", profile_, ": ", errors.text()));
    }
  }
  const char* missing = nullptr;
  const std::int32_t count = native_->inferShapes(1, &missing);
  if (count == 0) return {};
  if (count > 0) {
    return Error(ErrorCode::kInvalidState, base::concat("input '", missing != nullptr ? missing : "?",
                                                        "' has no shape or no values yet, bind it before resolving"));
  }
  return Error(ErrorCode::kInvalidArgument,
               base::concat("the shapes of the inputs do not go together: ", errors.text()));
}

Status TensorRtContext::read_output(std::size_t tensor) {
  Setting& setting = settings_[tensor];
  const TensorInfo& output = info(tensor);
  ETRT_TRY_ASSIGN(setting.open, to_dims(native_->getTensorShape(output.name.c_str()), output.name));
  setting.dims = setting.open;
  if (!has_open_size(setting.open)) return {};
  setting.dims = filled(setting.open, native_->getMaxOutputSize(output.name.c_str()), output.type);
  if (setting.output_memory != nullptr) return {};
  auto memory = std::make_unique<OutputMemory>(tensor);
  memory->use(output_allocator_);
  memory->bind(setting.address, setting.bytes);
  if (!native_->setOutputAllocator(output.name.c_str(), memory.get())) {
    return Error(ErrorCode::kInternal, base::concat("output '", output.name, "' takes no output allocator"));
  }
  setting.output_memory = std::move(memory);
  has_output_memory_ = true;
  return {};
}

Status TensorRtContext::measure_memory() {
  const LoggedErrors errors;
  memory_needed_ = native_->updateDeviceMemorySizeForShapes();
  memory_given_ = memory_needed_ == 0;
  if (memory_needed_ != 0 || errors.empty()) return {};
  return Error(ErrorCode::kInternal, base::concat("the engine's scratch memory has no size: ", errors.text()));
}

Status TensorRtContext::set_device_memory(std::uint64_t address, std::size_t bytes) {
  if (bytes < memory_needed_) {
    return Error(ErrorCode::kInvalidArgument, base::concat("scratch memory of ", bytes, " bytes, the engine needs ",
                                                           memory_needed_, " for these shapes"));
  }
  native_->setDeviceMemoryV2(reinterpret_cast<void*>(address), static_cast<std::int64_t>(bytes));
  memory_given_ = true;
  return {};
}

Status TensorRtContext::bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) {
  Setting& setting = settings_[tensor];
  complete_ = false;
  if (address == 0 && bytes != 0) {
    return Error(ErrorCode::kInvalidArgument, base::concat("tensor '", info(tensor).name, "' was bound to address 0"));
  }
  if (address % info(tensor).address_alignment != 0 && bytes != 0) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("tensor '", info(tensor).name, "' was bound to address 0x", std::hex, address, std::dec,
                              ", TensorRT wants multiples of ", info(tensor).address_alignment,
                              ": give it the start of an allocation, or copy it to one"));
  }
  setting.address = bytes != 0 ? address : empty_address(tensor);
  setting.bytes = bytes;
  if (setting.output_memory != nullptr) setting.output_memory->bind(setting.address, bytes);
  return pass_address(tensor);
}

std::uint64_t TensorRtContext::empty_address(std::size_t tensor) const {
  return info(tensor).location == Location::kHost ? empty_host_address() : engine_.empty_address();
}

Status TensorRtContext::pass_address(std::size_t tensor) {
  const LoggedErrors errors;
  void* address = reinterpret_cast<void*>(settings_[tensor].address);
  if (native_->setTensorAddress(info(tensor).name.c_str(), address)) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat("the address of tensor '", info(tensor).name, "' was refused: ", errors.text()));
}

/// What TensorRT would find missing, or not find at all: memory too small, aliases bound apart.
Status TensorRtContext::check_complete() const {
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const Setting& setting = settings_[i];
    const TensorInfo& tensor = info(i);
    if (setting.output_memory != nullptr && setting.output_memory->usable()) continue;
    if (setting.address == 0) {
      return Error(ErrorCode::kInvalidState, base::concat("tensor '", tensor.name, "' is not bound"));
    }
    const std::size_t needed = element_count(setting.dims).value_or(0) * byte_size(tensor.type);
    if (setting.bytes < needed) {
      return Error(ErrorCode::kInvalidArgument,
                   base::concat("tensor '", tensor.name, "' of ", needed, " bytes was bound to memory of ",
                                setting.bytes, " bytes"));
    }
    if (tensor.aliased_input && setting.address != settings_[*tensor.aliased_input].address) {
      return Error(ErrorCode::kInvalidArgument,
                   base::concat("output '", tensor.name, "' is the memory of input '", info(*tensor.aliased_input).name,
                                "': bind both to one address"));
    }
  }
  return {};
}

Status TensorRtContext::enqueue(cuda::StreamRef stream) {
  if (!complete_) {
    ETRT_TRY(check_complete());
    complete_ = true;
  }
  if (!memory_given_) {
    return Error(ErrorCode::kInvalidState,
                 base::concat("the engine has no scratch memory: give it ", memory_needed_, " bytes first"));
  }
  if (engine_.synchronous()) ETRT_TRY(refuse_capture(stream));
  if (stream.get() == nullptr || stream == cuda::legacy_stream()) engine_.note_null_stream();
  if (switch_pending_) ETRT_TRY(wait_for_switch(stream));
  ETRT_TRY(give_aux_streams(stream));
  const LoggedErrors errors;
  if (run(stream)) {
    switch_pending_ = false;
    return output_failure();
  }
  // Between its fork to the auxiliary streams and their join, nothing on the caller's stream waits for their work.
  if (aux_streams_.count() > 0) aux_streams_.drain(stream);
  ETRT_TRY(output_failure());
  return Error(ErrorCode::kDriver, base::concat("the engine was not enqueued: ", errors.text()));
}

bool TensorRtContext::run(cuda::StreamRef stream) {
  if (!engine_.synchronous() && !has_output_memory_) return native_->enqueueV3(stream.get());
  // It waits and allocates inside, which another thread's capture must not notice.
  const cuda::RelaxedCapture relaxed(engine_.device().driver);
  return native_->enqueueV3(stream.get());
}

Status TensorRtContext::prepare_capture(cuda::StreamRef stream) {
  if (aux_streams_.count() == 0) return {};
  ETRT_TRY_ASSIGN([[maybe_unused]] const auto streams, aux_streams_.streams_for(stream));
  return {};
}

/// What went wrong with a data-dependent output, in a callback that cannot return an error.
Status TensorRtContext::output_failure() {
  if (!has_output_memory_) return {};
  for (const Setting& setting : settings_) {
    if (setting.output_memory == nullptr || setting.output_memory->failure().empty()) continue;
    std::string failure = setting.output_memory->failure();
    setting.output_memory->clear_failure();
    return Error(ErrorCode::kOutOfMemory, std::move(failure));
  }
  return {};
}

/// For each enqueue anew: TensorRT promises to use them for the next one alone.
Status TensorRtContext::give_aux_streams(cuda::StreamRef stream) {
  if (aux_streams_.count() == 0) return {};
  ETRT_TRY_ASSIGN(const auto streams, aux_streams_.streams_for(stream));
  native_->setAuxStreams(streams.data(), static_cast<std::int32_t>(streams.size()));
  return {};
}

Status TensorRtContext::refuse_capture(cuda::StreamRef stream) const {
  ETRT_TRY_ASSIGN(const bool in_capture, cuda::is_in_capture(engine_.device().driver, stream));
  if (!in_capture) return {};
  return Error(ErrorCode::kInvalidState,
               "the stream is being captured, and the engine streams its weights, which a graph cannot hold: give it a "
               "weight_streaming_budget of all its weights");
}

void TensorRtContext::set_output_allocator(OutputAllocator* allocator) {
  output_allocator_ = allocator;
  complete_ = false;
  for (Setting& setting : settings_) {
    if (setting.output_memory != nullptr) setting.output_memory->use(allocator);
  }
}

bool TensorRtContext::set_input_consumed_event(CUevent event) {
  return native_->setInputConsumedEvent(event);
}

Status TensorRtContext::set_layer_timing(bool on) {
  native_->setProfiler(on ? &layer_times_ : nullptr);
  // Told when asked: reporting with each enqueue would make the enqueue wait for its work.
  native_->setEnqueueEmitsProfile(false);
  times_layers_ = on;
  return {};
}

Result<std::vector<LayerTime>> TensorRtContext::layer_times() {
  if (!times_layers_) return ExecutionContext::layer_times();
  static_cast<void>(layer_times_.take());
  const LoggedErrors errors;
  if (native_->reportToProfiler()) return layer_times_.take();
  return Error(ErrorCode::kInvalidState, base::concat("no times of layers to tell: ", errors.text()));
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
