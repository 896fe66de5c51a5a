#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/native_engine.h>
#include <engine/tensorrt/plan_header.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

/// Headers older than TensorRT 10.15 have no such call.
template <class Engine>
constexpr bool kHeadersKnowAliases = requires(const Engine& engine) {
  engine.getAliasedInputTensor("");
};

template <class Engine>
const char* ask_for_alias(const Engine& engine, const char* output) {
  if constexpr (kHeadersKnowAliases<Engine>) return engine.getAliasedInputTensor(output);
  return nullptr;
}

/// Of engines that an older version wrote TensorRT says that it does not support the call. TensorRT-RTX, which counts
/// anew from 1, has had it since a version that only its headers know.
bool writes_aliases(const Version& writer) {
  constexpr Version kFirst{10, 15, 0};
  return writer >= (kHeaders.major < 8 ? kHeaders : kFirst);
}

}  // namespace

Result<NativeEngine> NativeEngine::load(const Library& library, nvinfer1::ILogger& logger,
                                        std::span<const std::byte> plan, const EngineOptions& options) {
  ETRT_TRY_ASSIGN(const PlanHeader header, read_plan_header(plan));
  NativeEngine native;
  ETRT_TRY(native.make_runtime(library, logger, options.allow_engine_code));
  ETRT_TRY(native.load_plugins(options.plugin_libraries));
  ETRT_TRY(native.deserialize(plan));
  native.knows_aliases_ =
      kHeadersKnowAliases<nvinfer1::ICudaEngine> && writes_aliases(library.version) && writes_aliases(header.version);
  return native;
}

Status NativeEngine::make_runtime(const Library& library, nvinfer1::ILogger& logger, bool allow_engine_code) {
  const LoggedErrors errors;
  runtime_ = adopt(static_cast<nvinfer1::IRuntime*>(library.create_runtime(&logger, NV_TENSORRT_VERSION)));
  if (runtime_ == nullptr) {
    return Error(ErrorCode::kIncompatible, base::concat("the library made no runtime for headers of version ",
                                                        to_string(kHeaders), ": ", errors.text()));
  }
  if (allow_engine_code) runtime_->setEngineHostCodeAllowed(true);
  return {};
}

Status NativeEngine::load_plugins(std::span<const std::string> libraries) {
  for (std::size_t i = 0; i < libraries.size(); ++i) {
    const auto before = libraries.first(i);
    if (std::find(before.begin(), before.end(), libraries[i]) != before.end()) continue;
    const LoggedErrors errors;
    if (runtime_->getPluginRegistry().loadLibrary(libraries[i].c_str()) == nullptr) {
      return Error(ErrorCode::kNotFound,
                   base::concat("plugin library '", libraries[i], "' was not loaded: ", errors.text()));
    }
  }
  return {};
}

Status NativeEngine::deserialize(std::span<const std::byte> plan) {
  const LoggedErrors errors;
  engine_ = adopt(runtime_->deserializeCudaEngine(plan.data(), plan.size()));
  if (engine_ != nullptr) return {};
  return Error(ErrorCode::kIncompatible, base::concat("the plan cannot be loaded: ", errors.text()));
}

const char* NativeEngine::aliased_input(const char* output) const {
  return knows_aliases_ ? ask_for_alias(*engine_, output) : nullptr;
}

void NativeEngine::abandon() noexcept {
  static_cast<void>(engine_.release());
  static_cast<void>(runtime_.release());
}

void NativeEngine::reset() noexcept {
  engine_.reset();
  runtime_.reset();
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
