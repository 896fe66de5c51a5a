#include <base/try.h>
#include <engine/tensorrt/adapter.h>
#include <engine/tensorrt/runtime.h>
#include <engine/tensorrt/tensorrt_engine.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

class AdapterRuntimes final : public Runtimes {
 public:
  Result<std::unique_ptr<Engine>> load(const Library& library, const cuda::Device& device,
                                       std::span<const std::byte> plan, const EngineOptions& options) override {
    ETRT_TRY_ASSIGN(Runtime * runtime, made_.runtime_of(library, device, options.allow_engine_code));
    ETRT_TRY(runtime->load_plugins(options.plugin_libraries));
    ETRT_TRY_ASSIGN(auto native, runtime->deserialize(plan));
    ETRT_TRY_ASSIGN(auto engine, TensorRtEngine::create(device, std::move(native), options));
    return std::unique_ptr<Engine>(std::move(engine));
  }

 private:
  MadeRuntimes made_;
};

std::unique_ptr<Runtimes> create_runtimes() {
  return std::make_unique<AdapterRuntimes>();
}

}  // namespace

/// What this set of headers was compiled into.
const Adapter& adapter();

const Adapter& adapter() {
  static constexpr Adapter kAdapter{kHeaders.major < 8 ? Product::kTensorRtRtx : Product::kTensorRt, kHeaders,
                                    ETRT_NVINFER_NEEDS_GPU != 0, &create_runtimes};
  return kAdapter;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
