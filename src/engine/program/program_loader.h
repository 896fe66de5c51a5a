#pragma once

#include <engine/loader.h>

namespace etrt::engine::program {

/// Loads nested ExecuTorch programs, for the virtual GPU alone: their kernels run on host cores.
class ProgramLoader final : public Loader {
 public:
  std::string_view kind() const override { return "program"; }
  Status supports(const cuda::Device& device, const Target& target, std::span<const std::byte> bytes,
                  const EngineOptions& options) const override;
  Result<std::unique_ptr<Engine>> load(const cuda::Device& device, std::span<const std::byte> bytes,
                                       const EngineOptions& options) const override;
};

}  // namespace etrt::engine::program
