#include <engine/tensorrt/loaders.h>

namespace etrt::engine::tensorrt {

// Defined by the adapters that this build compiled, see CMakeLists.txt.
namespace enterprise {
const Adapter& adapter();
}
namespace rtx {
const Adapter& adapter();
}

const Adapter* adapter_of(Product product) {
#ifdef ETRT_HAS_TENSORRT
  if (product == Product::kTensorRt) return &enterprise::adapter();
#endif
#ifdef ETRT_HAS_TENSORRT_RTX
  if (product == Product::kTensorRtRtx) return &rtx::adapter();
#endif
  static_cast<void>(product);
  return nullptr;
}

const TensorRtLoader& tensorrt_loader() {
  static const TensorRtLoader loader(Product::kTensorRt, adapter_of(Product::kTensorRt));
  return loader;
}

const TensorRtLoader& tensorrt_rtx_loader() {
  static const TensorRtLoader loader(Product::kTensorRtRtx, adapter_of(Product::kTensorRtRtx));
  return loader;
}

}  // namespace etrt::engine::tensorrt
