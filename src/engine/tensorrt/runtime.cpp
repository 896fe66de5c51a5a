#include <map>
#include <tuple>

#include <base/format.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/runtime.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

using Key = std::tuple<const Library*, const cuda::Driver*, CUdevice, bool>;

struct Runtimes {
  std::mutex mutex;
  std::map<Key, std::unique_ptr<Runtime>> all;
};

/// Never destroyed: TensorRT may be unloading when static objects are.
Runtimes& runtimes() {
  static Runtimes* const instance = new Runtimes();
  return *instance;
}

}  // namespace

Result<Runtime*> Runtime::of(const Library& library, const cuda::Device& device, bool allow_engine_code) {
  Runtimes& made = runtimes();
  const std::lock_guard lock(made.mutex);
  auto& entry = made.all[{&library, &device.driver, device.ordinal, allow_engine_code}];
  if (entry != nullptr) return entry.get();
  const LoggedErrors errors;
  auto runtime =
      adopt(static_cast<nvinfer1::IRuntime*>(library.create_runtime(&Logger::instance(), NV_TENSORRT_VERSION)));
  if (runtime == nullptr) {
    return Error(ErrorCode::kIncompatible, base::concat("the library made no runtime for headers of version ",
                                                        to_string(kHeaders), ": ", errors.text()));
  }
  if (allow_engine_code) runtime->setEngineHostCodeAllowed(true);
  entry.reset(new Runtime(std::move(runtime)));
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
  const std::lock_guard lock(mutex_);
  const LoggedErrors errors;
  auto engine = adopt(runtime_->deserializeCudaEngine(plan.data(), plan.size()));
  if (engine != nullptr) return engine;
  return Error(ErrorCode::kIncompatible, base::concat("the plan cannot be loaded: ", errors.text()));
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
