#include <charconv>
#include <string_view>

#include <api/environment.h>
#include <api/platform.h>
#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/library.h>
#include <cuda/stream_capture.h>

namespace etrt::api {

/// A driver table, plain or decorated, and the devices opened through it.
struct Platform::Provider {
  Provider(const cuda::Driver& plain, cuda::CallHook* hook, bool is_virtual) : is_virtual(is_virtual) {
    if (hook != nullptr) decorated = std::make_unique<cuda::DecoratedDriver>(plain, *hook);
    table = decorated ? &decorated->table() : &plain;
  }

  int device_count() const {
    int count = 0;
    return table->cuDeviceGetCount(&count) == CUDA_SUCCESS ? count : 0;
  }

  std::unique_ptr<const cuda::Driver> library;
  std::unique_ptr<cuda::DecoratedDriver> decorated;
  const cuda::Driver* table;
  bool is_virtual;
  std::vector<std::unique_ptr<const cuda::Device>> devices;
};

namespace {

/// A device name taken apart: "virtual:1" is {virtual, 1}, "auto" is {auto, 0}.
struct DeviceName {
  std::string_view provider;
  int ordinal;
};

std::optional<DeviceName> parse(std::string_view name) {
  if (name == "auto" || name == "cuda" || name == "virtual") return DeviceName{name, 0};
  const auto colon = name.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view provider = name.substr(0, colon);
  const std::string_view digits = name.substr(colon + 1);
  int ordinal = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), ordinal);
  if (error != std::errc() || end != digits.data() + digits.size() || ordinal < 0) return std::nullopt;
  if (provider != "cuda" && provider != "virtual") return std::nullopt;
  return DeviceName{provider, ordinal};
}

}  // namespace

Status check_device_name(const std::string& name) {
  if (parse(name)) return {};
  return Error(ErrorCode::kInvalidArgument, "'" + name + "' is no device name: use auto, cuda:N, virtual or virtual:N");
}

Platform::Platform() = default;

Platform& Platform::instance() {
  // Never destroyed: a registered backend and the application's own statics may outlive any order of destruction.
  static Platform* const platform = new Platform();
  return *platform;
}

Result<Platform::Provider*> Platform::cuda() {
  if (cuda_) return cuda_.get();
  if (cuda_error_) return Error(*cuda_error_);
  const std::string library = cuda_library_from_environment();
  auto loaded = library.empty() ? Error(ErrorCode::kNotFound, "the GPU is hidden by ETRT_CUDA_LIBRARY=none")
                                : cuda::load_library(library);
  if (!loaded.ok()) {
    cuda_error_ = std::move(loaded).error();
    return Error(*cuda_error_);
  }
  auto table = std::move(loaded).value();
  cuda_ = std::make_unique<Provider>(*table, hook_, false);
  cuda_->library = std::move(table);
  return cuda_.get();
}

Platform::Provider& Platform::virtual_provider() {
  if (!virtual_) {
    virtual_gpu_ = std::make_unique<vgpu::VirtualGpu>(virtual_gpu_config_from_environment());
    virtual_ = std::make_unique<Provider>(virtual_gpu_->driver(), hook_, true);
    connect_order_log();
    static_cast<void>(virtual_->table->cuInit(0));
  }
  return *virtual_;
}

Result<const cuda::Device*> Platform::device(Provider& provider, int ordinal) {
  for (const auto& device : provider.devices) {
    if (device->ordinal == ordinal) return device.get();
  }
  const int count = provider.device_count();
  if (ordinal >= count) {
    const char* kind = provider.is_virtual ? "virtual" : "cuda";
    return Error(ErrorCode::kNotFound,
                 base::concat("device ", kind, ":", ordinal, " is not there: this process has ", count, " ", kind,
                              count == 1 ? " device" : " devices",
                              provider.is_virtual ? " (ETRT_VGPU_DEVICES sets another number)" : ""));
  }
  ETRT_TRY_ASSIGN(auto device, cuda::Device::open(*provider.table, ordinal, provider.is_virtual));
  provider.devices.push_back(std::make_unique<const cuda::Device>(std::move(device)));
  return provider.devices.back().get();
}

Result<const cuda::Device*> Platform::open(const std::string& name) {
  ETRT_TRY(check_device_name(name));
  const auto parsed = parse(name);
  const std::lock_guard lock(mutex_);
  if (parsed->provider != "virtual") {
    auto provider = cuda();
    if (provider.ok()) return device(**provider, parsed->ordinal);
    if (parsed->provider == "cuda") return std::move(provider).error().within("device " + name);
  }
  return device(virtual_provider(), parsed->ordinal);
}

std::vector<const cuda::Device*> Platform::devices() {
  const std::lock_guard lock(mutex_);
  std::vector<Provider*> providers;
  if (auto provider = cuda(); provider.ok()) providers.push_back(*provider);
  providers.push_back(&virtual_provider());
  std::vector<const cuda::Device*> all;
  for (Provider* provider : providers) {
    for (int ordinal = 0; ordinal < provider->device_count(); ++ordinal) {
      if (auto opened = device(*provider, ordinal); opened.ok()) all.push_back(*opened);
    }
  }
  return all;
}

std::string Platform::why_no_cuda() {
  const std::lock_guard lock(mutex_);
  auto provider = cuda();
  return provider.ok() ? std::string() : provider.error().message();
}

std::optional<StreamIdentity> Platform::identify(CUstream stream) {
  const std::lock_guard lock(mutex_);
  // The virtual GPU is asked first: it recognises its own handles and survives any other, which libcuda may not.
  for (Provider* provider : {virtual_.get(), cuda_.get()}) {
    if (provider == nullptr || provider->devices.empty()) continue;
    if (auto identity = identify_stream(*provider->table, stream); identity.ok()) return *identity;
  }
  return std::nullopt;
}

vgpu::VirtualGpu& Platform::virtual_gpu() {
  const std::lock_guard lock(mutex_);
  virtual_provider();
  return *virtual_gpu_;
}

bool Platform::observe(vgpu::Observer* observer) {
  const std::lock_guard lock(mutex_);
  if (observer != nullptr && observed_) return false;
  virtual_provider();
  virtual_gpu_->set_observer(observer);
  observed_ = observer != nullptr;
  return true;
}

void Platform::connect_order_log() {
  if (virtual_gpu_ == nullptr || log_order_report_ == nullptr) return;
  virtual_gpu_->on_order_report([log = log_order_report_](const vgpu::OrderReport& report) { log(report.message); });
}

void Platform::log_order_reports_with(void (*log)(const std::string& message)) {
  const std::lock_guard lock(mutex_);
  log_order_report_ = log;
  connect_order_log();
}

void Platform::install_hook(cuda::CallHook& hook) {
  const std::lock_guard lock(mutex_);
  hook_ = &hook;
}

Result<StreamIdentity> identify_stream(const cuda::Driver& driver, CUstream stream) {
  StreamIdentity identity{&driver, -1, 0};
  ETRT_TRY_ASSIGN(const bool in_capture, cuda::is_in_capture(driver, stream));
  if (!in_capture) {
    unsigned long long id = 0;
    ETRT_TRY(cuda::check(driver, driver.cuStreamGetId(stream, &id), "cuStreamGetId"));
    identity.id = id;
  }
  CUdevice device = -1;
  // In a capture neither the id nor the device may be asked for: the question ends the capture. The context may.
  if (identity.id != 0 && driver.cuStreamGetDevice) {
    ETRT_TRY(cuda::check(driver, driver.cuStreamGetDevice(stream, &device), "cuStreamGetDevice"));
  } else {
    CUcontext context = nullptr;
    ETRT_TRY(cuda::check(driver, driver.cuStreamGetCtx(stream, &context), "cuStreamGetCtx"));
    ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(driver, context));
    ETRT_TRY(cuda::check(driver, driver.cuCtxGetDevice(&device), "cuCtxGetDevice"));
  }
  identity.device = device;
  return identity;
}

}  // namespace etrt::api
