#include <base/format.h>
#include <base/try.h>
#include <engine/program/program_engine.h>
#include <engine/program/program_loader.h>

namespace etrt::engine::program {

Status ProgramLoader::supports(const cuda::Device& device, const Target& /*target*/,
                               std::span<const std::byte> /*bytes*/, const EngineOptions& /*options*/) const {
  if (device.is_virtual) return {};
  return Error(ErrorCode::kIncompatible,
               base::concat("host programs run on the virtual GPU, the device is ", device.label, " (",
                            device.description, "): ask for device=virtual"));
}

Result<std::unique_ptr<Engine>> ProgramLoader::load(const cuda::Device& device, std::span<const std::byte> bytes,
                                                    const EngineOptions& /*options*/) const {
  ETRT_TRY_ASSIGN(auto engine, ProgramEngine::load(device, bytes));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace etrt::engine::program
