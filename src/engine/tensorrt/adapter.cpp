#include <base/try.h>
#include <engine/tensorrt/adapter.h>
#include <engine/tensorrt/logger.h>
#include <engine/tensorrt/native_engine.h>
#include <engine/tensorrt/tensorrt_engine.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

class AdapterRuntimes final : public Runtimes {
 public:
  Result<std::unique_ptr<Engine>> load(const Library& library, const cuda::Device& device,
                                       std::span<const std::byte> plan, const EngineOptions& options) override {
    ETRT_TRY_ASSIGN(auto native, NativeEngine::load(library, logger_, plan, options));
    ETRT_TRY_ASSIGN(auto engine, TensorRtEngine::create(device, std::move(native), options));
    return std::unique_ptr<Engine>(std::move(engine));
  }

 private:
  Logger logger_;
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
