#include <base/try.h>
#include <cuda/error.h>
#include <support/provider.h>
#include <vgpu/virtual_gpu.h>

namespace etrt::support {
namespace {

// Two devices, more SMs than this machine has cores, and a partition size that is neither 1 nor all: partitions of
// every shape fit.
constexpr vgpu::Config kConfig{
    .device_count = 2,
    .sm_count = 12,
    .sm_partition_minimum = 2,
    .sm_partition_alignment = 2,
    .memory_bytes = std::size_t{1} << 30,
    .check_order = true,
};

class VgpuProvider final : public Provider {
 public:
  const cuda::Driver& driver() const override { return gpu_.driver(); }
  const void* kernel_image() const override { return vgpu_kernels(); }

  Result<std::unique_ptr<GateKeeper>> create_gates(const KernelLibrary&) override {
    return create_host_gates(gpu_.driver());
  }

  std::vector<std::string> take_order_reports() override {
    std::vector<std::string> messages;
    for (const auto& report : gpu_.take_order_reports()) messages.push_back(report.message);
    return messages;
  }

  std::vector<std::string> leaks() const override {
    std::vector<std::string> lines;
    if (const auto count = gpu_.live_allocations(); count != 0) {
      lines.push_back(std::to_string(count) + " allocations were not freed");
    }
    if (const auto count = gpu_.live_handles(); count != 0) {
      lines.push_back(std::to_string(count) + " handles were not destroyed");
    }
    return lines;
  }

 private:
  vgpu::VirtualGpu gpu_{kConfig};
};

}  // namespace

Result<std::unique_ptr<Provider>> open_vgpu_provider() {
  auto provider = std::make_unique<VgpuProvider>();
  ETRT_TRY(cuda::check(provider->driver(), provider->driver().cuInit(0), "cuInit"));
  return std::unique_ptr<Provider>(std::move(provider));
}

}  // namespace etrt::support
