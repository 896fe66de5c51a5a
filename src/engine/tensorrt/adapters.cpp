#include <engine/tensorrt/adapters.h>

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

}  // namespace etrt::engine::tensorrt
