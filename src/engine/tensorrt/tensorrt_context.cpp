#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <engine/tensorrt/context_memory.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/open_sizes.h>
#include <engine/tensorrt/own_work.h>
#include <engine/tensorrt/shape_values.h>
#include <engine/tensorrt/tensorrt_context.h>
#include <engine/tensorrt/tensorrt_engine.h>
#include <engine/tensorrt/types.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

Result<std::unique_ptr<TensorRtContext>> TensorRtContext::create(TensorRtEngine& engine, std::optional<int> profile) {
  const LoggedErrors errors;
  auto native = create_context_without_memory(engine.native());
  if (native == nullptr) {
    return Error(ErrorCode::kOutOfMemory, base::concat("no execution context for the engine: ", errors.text()));
  }
  std::unique_ptr<TensorRtContext> context(new TensorRtContext(engine, std::move(native), profile));
  if (!context->native_->setTemporaryStorageAllocator(&context->temporary_storage_)) {
    return Error(ErrorCode::kInternal,
                 base::concat("the execution context takes no allocator of temporary storage: ", errors.text()));
  }
  ETRT_TRY(context->take_profile());
  return context;
}

TensorRtContext::TensorRtContext(TensorRtEngine& engine, std::unique_ptr<nvinfer1::IExecutionContext> native,
                                 std::optional<int> profile)
    : engine_(engine),
      temporary_storage_(engine.device().driver),
      native_(std::move(native)),
      pinned_(profile),
      profile_(engine.device(), native_->getOptimizationProfile()),
      settings_(engine.tensors().size()),
      addresses_(engine.tensors(), engine.empty_address()),
      aux_streams_(engine.device(), engine.native()->getNbAuxStreams()) {
  engine_.count_context(1);
  for (std::size_t i = 0; i < settings_.size(); ++i) settings_[i].dims = settings_[i].open = info(i).maximum;
}

TensorRtContext::~TensorRtContext() {
  engine_.count_context(-1);
  const cuda::Device& device = engine_.device();
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device.driver);
  const auto scope = cuda::CurrentContext::push_for_cleanup(device.driver, device.primary);
  const bool switched = profile_.settle();
  const bool is_over = aux_streams_.settle() && switched;
  if (is_over && relaxed) {
    native_.reset();
    return;
  }
  engine_.abandon();
  static_cast<void>(native_.release());
  tell_abandoned("execution context",
                 is_over ? "freeing it might break a stream capture" : "its work cannot be waited for");
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
  ETRT_TRY(use_profile(profile));
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
  } else if (const auto fitting = profiles.fitting(inputs, profile_.profile())) {
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
  const Addresses::Address& bound = addresses_[tensor];
  const DataType type = info(tensor).type;
  if (info(tensor).location != Location::kHost || bound.value == 0) return {};
  const std::size_t bytes = element_count(settings_[tensor].dims).value_or(0) * byte_size(type);
  return read_values(type, {reinterpret_cast<const std::byte*>(bound.value), std::min(bytes, bound.bytes)});
}

/// Contexts of an older engine have none at first, but for one; and where it does not let two share a profile, there
/// are as many contexts as profiles.
Status TensorRtContext::take_profile() {
  if (profile_.is_set()) return {};
  const LoggedErrors expected(LoggedErrors::Kind::kExpected);
  Status taken;
  const int first = pinned_.value_or(0);
  const int last = pinned_.value_or(engine_.profile_count() - 1);
  for (int profile = first; profile <= last; ++profile) {
    taken = profile_.set(*native_, profile);
    if (taken.ok()) return {};
  }
  return profile_refusal(std::move(taken).error());
}

/// As when memory runs out, another context can do what this one cannot.
Error TensorRtContext::profile_refusal(Error refused) const {
  if (engine_.contexts() < 2) return refused;
  return Error(
      ErrorCode::kOutOfMemory,
      base::concat("another execution context has the optimization profile, and the engine may have been built "
                   "without sharing them (PreviewFeature kPROFILE_SHARING_0806): ",
                   refused.message()));
}

Status TensorRtContext::use_profile(int profile) {
  if (profile_.is_set() && profile_.profile() == profile) return {};
  addresses_.forget();
  if (auto set = profile_.set(*native_, profile); !set.ok()) return profile_refusal(std::move(set).error());
  // Shapes are inferred from the values of shape tensors, which are bound by now.
  return addresses_.pass(*native_, Location::kHost);
}

Status TensorRtContext::infer_shapes() {
  const LoggedErrors errors;
  for (const std::size_t tensor : engine_.inputs()) {
    const Dims& dims = settings_[tensor].dims;
    if (!engine_.is_open(tensor)) continue;
    if (!native_->setInputShape(info(tensor).name.c_str(), to_nvinfer(dims))) {
      return Error(ErrorCode::kInvalidArgument,
                   base::concat("shape ", to_string(dims), " of input '", info(tensor).name,
                                "' was refused in profile ", profile_.profile(), ": ", errors.text()));
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
  setting.dims = closed_over(setting.open, native_->getMaxOutputSize(output.name.c_str()), output.type);
  if (setting.output_memory != nullptr) return {};
  auto memory = std::make_unique<OutputMemory>(tensor);
  memory->use(output_allocator_);
  memory->bind(addresses_[tensor].value, addresses_[tensor].bytes);
  if (!native_->setOutputAllocator(output.name.c_str(), memory.get())) {
    return Error(ErrorCode::kInternal, base::concat("output '", output.name, "' takes no output allocator"));
  }
  setting.output_memory = std::move(memory);
  has_output_memory_ = true;
  return {};
}

Status TensorRtContext::measure_memory() {
  const LoggedErrors errors;
  memory_needed_ = measure_context_memory(engine_.native(), *native_);
  memory_given_ = memory_needed_ == 0;
  if (memory_needed_ != 0 || errors.empty()) return {};
  return Error(ErrorCode::kInternal, base::concat("the engine's scratch memory has no size: ", errors.text()));
}

Status TensorRtContext::set_device_memory(std::uint64_t address, std::size_t bytes) {
  if (bytes < memory_needed_) {
    return Error(ErrorCode::kInvalidArgument, base::concat("scratch memory of ", bytes, " bytes, the engine needs ",
                                                           memory_needed_, " for these shapes"));
  }
  give_context_memory(engine_.native(), *native_, address, bytes);
  memory_given_ = true;
  return {};
}

Status TensorRtContext::bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) {
  complete_ = false;
  auto bound = addresses_.bind(*native_, tensor, address, bytes);
  OutputMemory* memory = settings_[tensor].output_memory.get();
  if (memory != nullptr) memory->bind(addresses_[tensor].value, addresses_[tensor].bytes);
  return bound;
}

/// What TensorRT would find missing, or not find at all: memory too small, aliases bound apart.
Status TensorRtContext::check_complete() const {
  if (!profile_.is_set()) {
    return Error(ErrorCode::kInvalidState, "the last switch of optimization profiles failed: resolve the shapes again");
  }
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    const Setting& setting = settings_[i];
    const TensorInfo& tensor = info(i);
    const Addresses::Address& bound = addresses_[i];
    if (setting.output_memory != nullptr && setting.output_memory->usable()) continue;
    if (bound.value == 0) {
      return Error(ErrorCode::kInvalidState, base::concat("tensor '", tensor.name, "' is not bound"));
    }
    const std::size_t needed = element_count(setting.dims).value_or(0) * byte_size(tensor.type);
    if (bound.bytes < needed) {
      return Error(ErrorCode::kInvalidArgument, base::concat("tensor '", tensor.name, "' of ", needed,
                                                             " bytes was bound to memory of ", bound.bytes, " bytes"));
    }
    if (tensor.aliased_input && bound.value != addresses_[*tensor.aliased_input].value) {
      return Error(ErrorCode::kInvalidArgument,
                   base::concat("output '", tensor.name, "' is the memory of input '", info(*tensor.aliased_input).name,
                                "': bind both to one address"));
    }
  }
  return {};
}

Status TensorRtContext::make_complete() {
  if (complete_) return {};
  ETRT_TRY(check_complete());
  ETRT_TRY(addresses_.pass(*native_, Location::kDevice));
  ETRT_TRY(addresses_.pass(*native_, Location::kHost));
  complete_ = true;
  return {};
}

Status TensorRtContext::enqueue(cuda::StreamRef stream) {
  ETRT_TRY(make_complete());
  if (!memory_given_) {
    return Error(ErrorCode::kInvalidState,
                 base::concat("the engine has no scratch memory: give it ", memory_needed_, " bytes first"));
  }
  if (engine_.synchronous()) ETRT_TRY(refuse_capture(stream));
  if (stream.get() == nullptr || stream == cuda::legacy_stream()) engine_.note_null_stream();
  if (profile_.is_pending()) ETRT_TRY(profile_.order(stream));
  ETRT_TRY(give_aux_streams(stream));
  ETRT_TRY(run(stream));
  profile_.passed();
  return output_failure();
}

/// Why TensorRT's enqueue failed: it tells neither what its allocators answered nor whether memory ran out.
Error TensorRtContext::enqueue_failure(cuda::StreamRef stream, const std::string& reason) {
  // Between its fork to the auxiliary streams and their join, nothing on the caller's stream waits for their work.
  const bool is_over = aux_streams_.count() == 0 || aux_streams_.drain(stream);
  const std::string text =
      base::concat("the engine was not enqueued: ", reason,
                   is_over ? "" : ". Its auxiliary streams cannot be waited for, and may be at work");
  if (auto outputs = output_failure(); !outputs.ok()) return std::move(outputs).error();
  if (auto storage = temporary_storage_.take_failure()) return std::move(*storage).within(text);
  return Error(ErrorCode::kDriver, text);
}

Status TensorRtContext::run(cuda::StreamRef stream) {
  // Such an enqueue waits and allocates inside, which another thread's capture must not notice.
  std::optional<cuda::RelaxedCapture> relaxed;
  if (engine_.synchronous() || has_output_memory_) {
    ETRT_TRY_ASSIGN(auto scope, cuda::RelaxedCapture::enter(engine_.device().driver));
    relaxed.emplace(std::move(scope));
  }
  static_cast<void>(temporary_storage_.take_failure());
  const LoggedErrors errors;
  if (native_->enqueueV3(stream.get())) return {};
  return enqueue_failure(stream, errors.text());
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
