#include <engine/loaders.h>
#include <engine/tensorrt/adapters.h>

namespace etrt::engine {

using tensorrt::adapter_of;
using tensorrt::Product;

Loaders::Loaders(tensorrt::SearchPlaces places)
    : libraries_(std::move(places)),
      tensorrt_(Product::kTensorRt, adapter_of(Product::kTensorRt), libraries_),
      tensorrt_rtx_(Product::kTensorRtRtx, adapter_of(Product::kTensorRtRtx), libraries_),
      all_{&program_, &tensorrt_, &tensorrt_rtx_} {}

const Loader* Loaders::find(std::string_view kind) const {
  const std::lock_guard lock(mutex_);
  for (const Loader* loader : all_) {
    if (loader->kind() == kind) return loader;
  }
  return nullptr;
}

void Loaders::add(const Loader& loader) {
  const std::lock_guard lock(mutex_);
  all_.push_back(&loader);
}

}  // namespace etrt::engine
