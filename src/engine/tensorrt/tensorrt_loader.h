#pragma once

#include <engine/loader.h>
#include <engine/tensorrt/adapter.h>
#include <engine/tensorrt/library_search.h>

namespace etrt::engine::tensorrt {

/// Loads plans of one product. Without headers at build time there is no adapter, and every plan is refused with the
/// reason; the library is looked for all the same, so that the reason can name it.
class TensorRtLoader final : public Loader {
 public:
  /// `adapter` may be null. Both must outlive the loader.
  TensorRtLoader(Product product, const Adapter* adapter, LibrarySearch& libraries);

  std::string_view kind() const override { return info(product_).kind; }
  Status supports(const cuda::Device& device, const Target& target, std::span<const std::byte> bytes,
                  const EngineOptions& options) const override;
  Result<std::unique_ptr<Engine>> load(const cuda::Device& device, std::span<const std::byte> bytes,
                                       const EngineOptions& options) const override;

 private:
  /// With what the environment says of what the application left open.
  EngineOptions completed(const EngineOptions& options) const;

  /// The library that can make an engine of the plan on the device, with every version checked.
  Result<const Library*> library_for(const cuda::Device& device, std::span<const std::byte> bytes,
                                     const EngineOptions& options) const;

  Product product_;
  const Adapter* adapter_;
  LibrarySearch& libraries_;
  std::unique_ptr<Runtimes> runtimes_;  ///< null without an adapter
};

}  // namespace etrt::engine::tensorrt
