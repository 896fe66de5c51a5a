#include <base/try.h>
#include <engine/tensorrt/adapter.h>
#include <engine/tensorrt/native_engine.h>
#include <engine/tensorrt/tensorrt_engine.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

Result<std::unique_ptr<Engine>> load(const Library& library, const cuda::Device& device,
                                     std::span<const std::byte> plan, const EngineOptions& options) {
  ETRT_TRY_ASSIGN(auto native, NativeEngine::load(library, plan, options));
  ETRT_TRY_ASSIGN(auto engine, TensorRtEngine::create(device, std::move(native), options));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace

/// What this set of headers was compiled into.
const Adapter& adapter();

const Adapter& adapter() {
  static constexpr Adapter kAdapter{kHeaders.major < 8 ? Product::kTensorRtRtx : Product::kTensorRt, kHeaders,
                                    ETRT_NVINFER_NEEDS_GPU != 0, &load};
  return kAdapter;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
