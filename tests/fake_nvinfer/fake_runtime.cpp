// The library's entry points, as libnvinfer.so has them, and one for the tests.

#include <algorithm>
#include <exception>
#include <fake_nvinfer/fake_engine.h>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#ifndef FAKE_VERSION
#define FAKE_VERSION NV_TENSORRT_VERSION
#endif

namespace etrt::fake {
namespace {

class Runtime;
Alive<Runtime>& runtimes();
void end_all();

class Plugins final : public nvinfer1::IPluginRegistry {
 public:
  PluginLibraryHandle loadLibrary(const char* path) noexcept override {
    if (std::string(path).find("missing") != std::string::npos) return nullptr;
    ++state().plugins_loaded;
    loaded_.emplace_back(path);
    return this;
  }
  bool has(const std::string& path) const { return std::find(loaded_.begin(), loaded_.end(), path) != loaded_.end(); }

 private:
  std::vector<std::string> loaded_;
};

class Runtime final : public nvinfer1::IRuntime {
 public:
  explicit Runtime(nvinfer1::ILogger& logger) : logger_(logger) {
    runtimes().add(this);
    ++state().runtimes;
    state().end_all = end_all;
  }
  ~Runtime() override {
    runtimes().remove(this);
    --state().runtimes;
    if (*engines_ > 0) ++state().runtimes_ended_early;
  }

  void setEngineHostCodeAllowed(bool allowed) noexcept override { allows_code_ = allowed; }
  nvinfer1::IPluginRegistry& getPluginRegistry() noexcept override { return plugins_; }

  /// A runtime of the same kind, which runs older plans.
  nvinfer1::IRuntime* loadRuntime(const char* path) noexcept override {
    if (std::string(path).find("missing") != std::string::npos) {
      error("cannot open the library");
      return nullptr;
    }
    auto lean = std::make_unique<Runtime>(logger_);
    lean->is_lean_ = true;
    return lean.release();
  }

  nvinfer1::ICudaEngine* deserializeCudaEngine(const void* bytes, std::size_t size) noexcept override {
    try {
      return deserialize({static_cast<const std::byte*>(bytes), size}).release();
    } catch (const std::exception& broken) {
      error(broken.what());
      return nullptr;
    }
  }

 private:
  void error(const std::string& text) { logger_.log(nvinfer1::ILogger::Severity::kERROR, text.c_str()); }

  std::unique_ptr<Engine> deserialize(std::span<const std::byte> bytes) {
    Plan plan = Plan::parse(bytes);
    if (state().while_loading) state().while_loading();
    for (const LogLine& line : plan.log) {
      logger_.log(static_cast<nvinfer1::ILogger::Severity>(line.severity), line.text.c_str());
    }
    if (plan.failure == "engine") {
      error("the engine needs compute capability 7.5 to 12.1");
      return nullptr;
    }
    if (plan.holds_code && !allows_code_) {
      error("the engine holds code, which is not allowed");
      return nullptr;
    }
    if (plan.needs_lean_runtime && !is_lean_) {
      error("old deserialization call on a newer plan file");
      return nullptr;
    }
    for (const std::string& plugin : plan.plugins) {
      if (plugins_.has(plugin)) continue;
      error("no plugin of " + plugin);
      return nullptr;
    }
    return std::make_unique<Engine>(std::move(plan), logger_, engines_);
  }

  nvinfer1::ILogger& logger_;
  Plugins plugins_;
  bool allows_code_ = false;
  bool is_lean_ = false;
  std::shared_ptr<std::atomic<int>> engines_ = std::make_shared<std::atomic<int>>(0);
};

Alive<Runtime>& runtimes() {
  static Alive<Runtime> instance;
  return instance;
}

void end_all() {
  end_all_contexts();
  engines().end_all();
  runtimes().end_all();
}

}  // namespace
}  // namespace etrt::fake

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

FAKE_EXPORT void* createInferRuntime_INTERNAL(void* logger, std::int32_t version) noexcept {
  etrt::fake::state().headers_version = version;
  auto& log = *static_cast<nvinfer1::ILogger*>(logger);
#ifdef FAKE_WITHOUT_RUNTIME
  log.log(nvinfer1::ILogger::Severity::kERROR, "CUDA initialization failure");
  return nullptr;
#else
  return static_cast<nvinfer1::IRuntime*>(std::make_unique<etrt::fake::Runtime>(log).release());
#endif
}

FAKE_EXPORT std::int32_t getInferLibVersion() noexcept {
  return FAKE_VERSION;
}

FAKE_EXPORT etrt::fake::State* etrt_fake_nvinfer_state() {
  return &etrt::fake::state();
}
