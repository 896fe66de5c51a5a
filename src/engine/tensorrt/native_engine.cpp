#include <algorithm>
#include <utility>

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

}  // namespace

Result<NativeEngine> NativeEngine::load(const Library& library, nvinfer1::ILogger& logger,
                                        std::span<const std::byte> plan, const EngineOptions& options) {
  ETRT_TRY_ASSIGN(const PlanHeader header, read_plan_header(plan));
  NativeEngine native;
  ETRT_TRY(native.make_runtime(library, logger));
  // The library runs plans of its own version by itself.
  const bool is_older = header.version < library.version;
  if (is_older && !options.lean_runtime_library.empty()) {
    ETRT_TRY(native.load_lean_runtime(options.lean_runtime_library));
  }
  if (options.allow_engine_code) native.runtime_->setEngineHostCodeAllowed(true);
  ETRT_TRY(native.load_plugins(options.plugin_libraries));
  ETRT_TRY(native.deserialize(plan));
  native.calls_ = calls_of(header.version, library.version);
  return native;
}

Status NativeEngine::make_runtime(const Library& library, nvinfer1::ILogger& logger) {
  const LoggedErrors errors;
  runtime_ = adopt(static_cast<nvinfer1::IRuntime*>(library.create_runtime(&logger, NV_TENSORRT_VERSION)));
  if (runtime_ == nullptr) {
    return Error(ErrorCode::kIncompatible, base::concat("the library made no runtime for headers of version ",
                                                        to_string(kHeaders), ": ", errors.text()));
  }
  return {};
}

Status NativeEngine::load_lean_runtime(const std::string& path) {
  const LoggedErrors errors;
  auto lean = adopt(runtime_->loadRuntime(path.c_str()));
  if (lean == nullptr) {
    return Error(ErrorCode::kNotFound,
                 base::concat("lean_runtime_library '", path, "' was not loaded: ", errors.text()));
  }
  library_runtime_ = std::exchange(runtime_, std::move(lean));
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

bool NativeEngine::knows_aliases() const {
  return kHeadersKnowAliases<nvinfer1::ICudaEngine> && calls_.aliases;
}

const char* NativeEngine::aliased_input(const char* output) const {
  return knows_aliases() ? ask_for_alias(*engine_, output) : nullptr;
}

void NativeEngine::abandon() noexcept {
  static_cast<void>(engine_.release());
  static_cast<void>(runtime_.release());
  static_cast<void>(library_runtime_.release());
}

void NativeEngine::reset() noexcept {
  engine_.reset();
  runtime_.reset();
  library_runtime_.reset();
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
