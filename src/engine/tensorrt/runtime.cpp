#include <base/format.h>
#include <engine/tensorrt/runtime.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

Result<Runtime*> MadeRuntimes::runtime_of(const Library& library, const cuda::Device& device, bool allow_engine_code) {
  const std::lock_guard lock(mutex_);
  auto& entry = all_[{&library, &device.driver, device.ordinal, allow_engine_code}];
  if (entry != nullptr) return entry.get();
  const LoggedErrors errors;
  auto runtime = adopt(static_cast<nvinfer1::IRuntime*>(library.create_runtime(&logger_, NV_TENSORRT_VERSION)));
  if (runtime == nullptr) {
    return Error(ErrorCode::kIncompatible, base::concat("the library made no runtime for headers of version ",
                                                        to_string(kHeaders), ": ", errors.text()));
  }
  if (allow_engine_code) runtime->setEngineHostCodeAllowed(true);
  entry = std::make_unique<Runtime>(std::move(runtime));
  return entry.get();
}

Status Runtime::load_plugins(const std::vector<std::string>& libraries) {
  const std::lock_guard lock(mutex_);
  for (const std::string& path : libraries) {
    if (plugins_.contains(path)) continue;
    const LoggedErrors errors;
    if (runtime_->getPluginRegistry().loadLibrary(path.c_str()) == nullptr) {
      return Error(ErrorCode::kNotFound, base::concat("plugin library '", path, "' was not loaded: ", errors.text()));
    }
    plugins_.insert(path);
  }
  return {};
}

Result<std::unique_ptr<nvinfer1::ICudaEngine>> Runtime::deserialize(std::span<const std::byte> plan) {
  const LoggedErrors errors;
  auto engine = adopt(runtime_->deserializeCudaEngine(plan.data(), plan.size()));
  if (engine != nullptr) return engine;
  return Error(ErrorCode::kIncompatible, base::concat("the plan cannot be loaded: ", errors.text()));
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
