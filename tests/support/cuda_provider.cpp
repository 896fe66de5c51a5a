#include <utility>

#include <base/try.h>
#include <cuda/library.h>
#include <support/environment.h>
#include <support/provider.h>

namespace etrt::support {
namespace {

class CudaProvider final : public Provider {
 public:
  explicit CudaProvider(std::unique_ptr<const cuda::Driver> driver) : driver_(std::move(driver)) {}

  const cuda::Driver& driver() const override { return *driver_; }
  const void* kernel_image() const override { return kKernelsPtx; }

  Result<std::unique_ptr<GateKeeper>> create_gates(const KernelLibrary& kernels) override {
    return create_kernel_gates(*driver_, kernels);
  }

  void keep_contexts() override {
    // A driver of its own, never closed: the context must not outlive the library.
    static const cuda::Driver* const kept = [] {
      auto driver = cuda::load_library();
      CUcontext context = nullptr;
      if (driver.ok()) static_cast<void>((*driver)->cuDevicePrimaryCtxRetain(&context, 0));
      return driver.ok() ? std::move(driver).value().release() : nullptr;
    }();
    static_cast<void>(kept);
  }

  std::vector<std::string> take_order_reports() override { return {}; }
  std::vector<std::string> leaks() const override { return {}; }

 private:
  std::unique_ptr<const cuda::Driver> driver_;
};

}  // namespace

Result<std::unique_ptr<Provider>> open_cuda_provider() {
  prepare_cuda_environment();
  ETRT_TRY_ASSIGN(auto driver, cuda::load_library());
  return std::unique_ptr<Provider>(std::make_unique<CudaProvider>(std::move(driver)));
}

}  // namespace etrt::support
