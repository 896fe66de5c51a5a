#include <atomic>
#include <cstdint>
#include <cstring>

#include <cli/probe_kernel.h>

namespace etrt::cli {
namespace {

constexpr std::size_t kParameterSizes[] = {8, 8};

void run_block(const vgpu::BlockContext& block, const std::byte* parameters) {
  std::uint64_t address = 0;
  std::memcpy(&address, parameters, sizeof(address));
  auto* words = static_cast<std::uint32_t*>(block.memory(address));
  std::atomic_ref(words[kProbeMarks + block.block_index()]).store(block.sm_id() + 1, std::memory_order_release);
}

}  // namespace

const vgpu::ModuleImage& probe_module_image() {
  static const vgpu::Kernel kernels[] = {{kProbeKernel, &run_block, nullptr, kParameterSizes}};
  static const vgpu::ModuleImage image{.kernels = kernels};
  return image;
}

}  // namespace etrt::cli
