#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <cuda/decorated_driver.h>
#include <cuda/device.h>
#include <etrt/result.h>
#include <vgpu/virtual_gpu.h>

namespace etrt::api {

/// Refuses text that can name no device; whether there is such a device is another question. Threads: safe.
Status check_device_name(const std::string& name);

/// What a stream handle turned out to be.
struct StreamIdentity {
  const cuda::Driver* driver;
  int device;
  /// CUDA: cuStreamGetId, unique for the life of the process. 0 while the stream is being captured: asking for it then
  /// would invalidate the capture (seen on an H200, driver 580).
  std::uint64_t id;
};

/// The process's providers and devices. Providers load when first needed and stay for the rest of the process: streams,
/// delegates and the driver's own threads may outlive any scope.
/// Threads: safe.
class Platform {
 public:
  static Platform& instance();

  /// Opens a device by name, as `etrt::Device::open` documents.
  Result<const cuda::Device*> open(const std::string& name);

  /// Every device that can be opened, GPUs first.
  std::vector<const cuda::Device*> devices();

  /// Why the CUDA driver is not there; empty where it is.
  std::string why_no_cuda();

  /// Asks the loaded providers whose stream this is. None: no provider is loaded, or none knows the handle.
  std::optional<StreamIdentity> identify(CUstream stream);

  /// The virtual GPU, made on first use.
  vgpu::VirtualGpu& virtual_gpu();

  /// Makes `observer` see the virtual GPU's operations, null ends that. False when there is one already.
  bool observe(vgpu::Observer* observer);

  /// Where the order checker's findings are told, from now on. The function is called from any thread.
  void log_order_reports_with(void (*log)(const std::string& message));

  /// Puts a hook around every driver call from now on; must come before any device is opened. For benches and tests.
  void install_hook(cuda::CallHook& hook);

 private:
  struct Provider;

  Platform();
  ~Platform() = delete;

  Result<Provider*> cuda();
  Provider& virtual_provider();
  void connect_order_log();
  Result<const cuda::Device*> device(Provider& provider, int ordinal);

  std::mutex mutex_;
  cuda::CallHook* hook_ = nullptr;
  std::unique_ptr<Provider> cuda_;
  std::optional<Error> cuda_error_;
  std::unique_ptr<vgpu::VirtualGpu> virtual_gpu_;
  std::unique_ptr<Provider> virtual_;
  void (*log_order_report_)(const std::string&) = nullptr;
  bool observed_ = false;
};

/// What the driver says of a stream of this provider, in at most three driver calls. Leaves a capture valid.
Result<StreamIdentity> identify_stream(const cuda::Driver& driver, CUstream stream);

}  // namespace etrt::api
