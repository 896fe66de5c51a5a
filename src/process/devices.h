#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <cuda/decorated_driver.h>
#include <cuda/device.h>
#include <cuda/stream_identity.h>
#include <etrt/result.h>
#include <process/environment.h>
#include <process/provider.h>
#include <vgpu/virtual_gpu.h>

namespace etrt::process {

/// Refuses text that can name no device; whether there is such a device is another question. Threads: safe.
Status check_device_name(const std::string& name);

/// The process's providers and devices. Providers load when first needed and stay for as long as this object: streams,
/// delegates and the driver's own threads may outlive any scope. What is absent stays absent; a driver that fails to
/// start is asked again whenever it is needed.
/// Threads: safe. `environment` must outlive it.
class Devices {
 public:
  explicit Devices(const Environment& environment);
  ~Devices();

  /// Opens a device by name, as `etrt::Device::open` documents. Takes no lock for one that was opened by its number.
  Result<const cuda::Device*> open(const std::string& name);

  /// Every device that can be opened, GPUs first.
  std::vector<const cuda::Device*> all();

  /// Why there is no GPU to open; empty where the driver is there.
  std::string why_no_cuda();

  /// Asks the providers of opened devices whose stream this is. None: no device is open, or none knows the handle.
  /// Takes no lock.
  std::optional<cuda::StreamIdentity> identify(CUstream stream) const;

  /// The virtual GPU, made on first use.
  vgpu::VirtualGpu& virtual_gpu();

  /// Makes `observer` see the virtual GPU's operations, null ends that. False when there is one already.
  bool observe(vgpu::Observer* observer);

  /// Where the order checker's findings are told, from now on. The function is called from any thread.
  void log_order_reports_with(void (*log)(const std::string& message));

  /// Puts a hook around every driver call from now on; must come before any device is opened. For benches and tests.
  void install_hook(cuda::CallHook& hook);

 private:
  /// What is read without the lock. Never changed once it is published.
  struct Opened {
    std::vector<const cuda::Device*> devices;
    std::vector<const cuda::Driver*> tables;  ///< of the devices, the virtual GPU's first
  };

  Result<Provider*> cuda();
  Provider& virtual_provider();
  void connect_order_log();
  Result<const cuda::Device*> open(Provider& provider, int ordinal);
  void publish(const cuda::Device& device);

  const Environment& environment_;
  std::atomic<const Opened*> opened_;

  std::mutex mutex_;                                      ///< of all that follows
  std::vector<std::unique_ptr<const Opened>> published_;  ///< the last is current; readers may still look at others
  cuda::CallHook* hook_ = nullptr;
  std::unique_ptr<const cuda::Driver> cuda_library_;
  std::unique_ptr<Provider> cuda_;
  std::optional<Error> cuda_absent_;
  std::unique_ptr<vgpu::VirtualGpu> virtual_gpu_;
  std::unique_ptr<Provider> virtual_;
  void (*log_order_report_)(const std::string&) = nullptr;
  bool observed_ = false;
};

}  // namespace etrt::process
