#include <algorithm>

#include <executorch/runtime/platform/log.h>

#include <base/format.h>
#include <base/try.h>
#include <cuda/alignment.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <engine/tensorrt/open_sizes.h>
#include <engine/tensorrt/output_bounds.h>
#include <engine/tensorrt/own_work.h>
#include <engine/tensorrt/profile_ranges.h>
#include <engine/tensorrt/tensorrt_context.h>
#include <engine/tensorrt/tensorrt_engine.h>
#include <engine/tensorrt/types.h>
#include <engine/tensorrt/weight_streaming.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

Result<std::unique_ptr<TensorRtEngine>> TensorRtEngine::create(const cuda::Device& device, NativeEngine native,
                                                               const EngineOptions& options) {
  std::unique_ptr<TensorRtEngine> engine(new TensorRtEngine(device, std::move(native)));
  ETRT_TRY(set_weight_streaming_budget(engine->native_, options.weight_streaming_budget));
  engine->synchronous_ = streams_weights(engine->native_);
  engine->memory_ = memory_of(engine->native_);
  ETRT_TRY(engine->describe_tensors());
  ETRT_TRY(engine->describe_aliases());
  ETRT_TRY(engine->describe_profiles());
  ETRT_TRY(engine->bound_outputs());
  ETRT_TRY(engine->provide_for_empty_tensors());
  return engine;
}

TensorRtEngine::~TensorRtEngine() {
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
  const auto scope = cuda::CurrentContext::push_for_cleanup(device_.driver, device_.primary);
  if (!relaxed) {
    if (!is_abandoned_.exchange(true)) tell_abandoned("engine", "freeing it might break a stream capture");
    static_cast<void>(nothing_.release());
  }
  if (is_abandoned_.load(std::memory_order_relaxed)) native_.abandon();
  native_.reset();
  nothing_.reset();
}

std::vector<std::string> TensorRtEngine::input_names() const {
  std::vector<std::string> names;
  for (const std::size_t tensor : inputs_) names.push_back(tensors_[tensor].name);
  return names;
}

Status TensorRtEngine::describe_tensors() {
  const std::int32_t count = native_->getNbIOTensors();
  for (std::int32_t i = 0; i < count; ++i) ETRT_TRY(describe_tensor(native_->getIOTensorName(i)));
  return {};
}

Status TensorRtEngine::describe_tensor(const char* name) {
  TensorInfo info;
  info.name = name;
  info.is_input = native_->getTensorIOMode(name) == nvinfer1::TensorIOMode::kINPUT;
  if (native_->getTensorLocation(name) == nvinfer1::TensorLocation::kHOST) {
    info.location = Location::kHost;
  } else {
    info.address_alignment = cuda::kAllocationAlignment;
  }
  ETRT_TRY_ASSIGN(info.type, to_data_type(native_->getTensorDataType(name), name));
  if (native_->getTensorFormat(name) != nvinfer1::TensorFormat::kLINEAR) {
    return Error(ErrorCode::kNotSupported,
                 base::concat("tensor '", name, "' wants the memory format '", native_->getTensorFormatDesc(name),
                              "': build the engine with linear formats at its inputs and outputs"));
  }
  ETRT_TRY_ASSIGN(info.maximum, to_dims(native_->getTensorShape(name), name));
  info.minimum = info.maximum;
  open_.push_back(has_open_size(info.maximum));
  (info.is_input ? inputs_ : outputs_).push_back(tensors_.size());
  tensors_.push_back(std::move(info));
  return {};
}

Status TensorRtEngine::describe_aliases() {
  for (const std::size_t output : outputs_) {
    const char* input = native_.aliased_input(tensors_[output].name.c_str());
    if (input == nullptr) continue;
    const auto found =
        std::find_if(inputs_.begin(), inputs_.end(), [&](std::size_t i) { return tensors_[i].name == input; });
    if (found == inputs_.end()) {
      return Error(ErrorCode::kInvalidData, base::concat("output '", tensors_[output].name, "' shares the memory of '",
                                                         input, "', which is no input of the engine"));
    }
    tensors_[output].aliased_input = *found;
  }
  return {};
}

Status TensorRtEngine::describe_profiles() {
  ETRT_TRY_ASSIGN(profiles_, read_profiles(native_, tensors_, inputs_));
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    TensorInfo& info = tensors_[inputs_[i]];
    info.minimum = profiles_.ranges(0)[i].minimum;
    info.maximum = profiles_.ranges(0)[i].maximum;
    for (int profile = 1; profile < profiles_.count(); ++profile) {
      widen(info.minimum, info.maximum, profiles_.ranges(profile)[i].minimum);
      widen(info.minimum, info.maximum, profiles_.ranges(profile)[i].maximum);
    }
  }
  return {};
}

Status TensorRtEngine::bound_outputs() {
  if (std::none_of(outputs_.begin(), outputs_.end(), [&](std::size_t i) { return open_[i]; })) return {};
  ETRT_TRY_ASSIGN(const auto bounds, find_output_bounds(*this));
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    TensorInfo& info = tensors_[outputs_[i]];
    info.minimum = bounds[i].minimum;
    info.maximum = bounds[i].maximum;
    info.data_dependent = bounds[i].data_dependent;
  }
  return {};
}

Status TensorRtEngine::provide_for_empty_tensors() {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    // The bounds of an output are those of a few settings, so an open size may turn out to be 0 below them.
    const bool may_be_empty = open_[i] || element_count(tensors_[i].maximum) == std::size_t{0};
    if (!may_be_empty || tensors_[i].location == Location::kHost) continue;
    ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device_.driver));
    ETRT_TRY_ASSIGN(nothing_, cuda::create_device_memory(device_.driver, cuda::kAllocationAlignment));
    return {};
  }
  return {};
}

void TensorRtEngine::note_null_stream() {
  if (null_stream_noted_.exchange(true, std::memory_order_relaxed)) return;
  ET_LOG(Info,
         "TensorRTBackend: an engine runs on CUDA's null stream, where TensorRT may wait for the whole device at each "
         "call: choose a stream of your own with etrt::StreamGuard");
}

Result<std::unique_ptr<ExecutionContext>> TensorRtEngine::create_context(std::optional<int> profile) {
  if (profile && (*profile < 0 || *profile >= profile_count())) {
    return Error(ErrorCode::kInvalidArgument, base::concat("optimization_profile ", *profile,
                                                           ": the engine has profiles 0 to ", profile_count() - 1));
  }
  ETRT_TRY_ASSIGN(auto context, TensorRtContext::create(*this, profile));
  return std::unique_ptr<ExecutionContext>(std::move(context));
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
