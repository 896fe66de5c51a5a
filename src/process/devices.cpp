#include <algorithm>
#include <charconv>
#include <string_view>

#include <base/format.h>
#include <base/try.h>
#include <cuda/library.h>
#include <process/devices.h>

namespace etrt::process {
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

/// Whether an error says that there is no GPU here. Any other comes from a driver that is there and fails, perhaps for
/// the moment.
bool is_absence(const Error& error) {
  return error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kNotSupported;
}

}  // namespace

Status check_device_name(const std::string& name) {
  if (parse(name)) return {};
  return Error(ErrorCode::kInvalidArgument, "'" + name + "' is no device name: use auto, cuda:N, virtual or virtual:N");
}

Devices::Devices(const Environment& environment) : environment_(environment) {
  published_.push_back(std::make_unique<const Opened>());
  opened_ = published_.back().get();
}

Devices::~Devices() = default;

Result<Provider*> Devices::cuda() {
  if (cuda_) return cuda_.get();
  if (cuda_absent_) return Error(*cuda_absent_);
  const std::string& library = environment_.settings().cuda_library;
  auto loaded = library.empty() ? Error(ErrorCode::kNotFound, "the GPU is hidden by ETRT_CUDA_LIBRARY=none")
                                : cuda::load_library(library);
  if (!loaded.ok()) {
    if (is_absence(loaded.error())) cuda_absent_ = loaded.error();
    return std::move(loaded).error();
  }
  cuda_library_ = std::move(loaded).value();
  cuda_ = std::make_unique<Provider>(*cuda_library_, hook_, false);
  return cuda_.get();
}

Provider& Devices::virtual_provider() {
  if (!virtual_) {
    virtual_gpu_ = std::make_unique<vgpu::VirtualGpu>(environment_.settings().virtual_gpu);
    virtual_ = std::make_unique<Provider>(virtual_gpu_->driver(), hook_, true);
    connect_order_log();
  }
  return *virtual_;
}

Result<const cuda::Device*> Devices::open(Provider& provider, int ordinal) {
  ETRT_TRY_ASSIGN(const cuda::Device* device, provider.open(ordinal));
  publish(*device);
  return device;
}

void Devices::publish(const cuda::Device& device) {
  const Opened& known = *published_.back();
  if (std::find(known.devices.begin(), known.devices.end(), &device) != known.devices.end()) return;
  auto next = std::make_unique<Opened>(known);
  next->devices.push_back(&device);
  if (std::find(next->tables.begin(), next->tables.end(), &device.driver) == next->tables.end()) {
    next->tables.insert(device.is_virtual ? next->tables.begin() : next->tables.end(), &device.driver);
  }
  published_.push_back(std::move(next));
  opened_.store(published_.back().get(), std::memory_order_release);
}

Result<const cuda::Device*> Devices::open(const std::string& name) {
  ETRT_TRY(check_device_name(name));
  const DeviceName wanted = *parse(name);
  const bool is_virtual = wanted.provider == "virtual";
  for (const cuda::Device* device : opened_.load(std::memory_order_acquire)->devices) {
    if (device->is_virtual == is_virtual && device->ordinal == wanted.ordinal) return device;
  }
  const std::lock_guard lock(mutex_);
  if (is_virtual) return open(virtual_provider(), wanted.ordinal);
  auto provider = cuda();
  if (provider.ok()) return open(**provider, wanted.ordinal);
  const bool is_auto = wanted.provider == "auto";
  if (is_auto && cuda_absent_) return open(virtual_provider(), wanted.ordinal);
  return std::move(provider).error().within(
      base::concat("device ", name, is_auto ? " (device=virtual does without the GPU)" : ""));
}

std::vector<const cuda::Device*> Devices::all() {
  const std::lock_guard lock(mutex_);
  std::vector<Provider*> providers;
  if (auto provider = cuda(); provider.ok()) providers.push_back(*provider);
  providers.push_back(&virtual_provider());
  std::vector<const cuda::Device*> devices;
  for (Provider* provider : providers) {
    const auto count = provider->device_count();
    for (int ordinal = 0; count.ok() && ordinal < *count; ++ordinal) {
      if (auto opened = open(*provider, ordinal); opened.ok()) devices.push_back(*opened);
    }
  }
  return devices;
}

std::string Devices::why_no_cuda() {
  const std::lock_guard lock(mutex_);
  auto provider = cuda();
  return provider.ok() ? std::string() : provider.error().message();
}

std::optional<cuda::StreamIdentity> Devices::identify(CUstream stream) const {
  // The virtual GPU is asked first: it recognises its own handles and survives any other, which libcuda may not.
  for (const cuda::Driver* table : opened_.load(std::memory_order_acquire)->tables) {
    if (auto identity = cuda::identify_stream(*table, stream); identity.ok()) return *identity;
  }
  return std::nullopt;
}

vgpu::VirtualGpu& Devices::virtual_gpu() {
  const std::lock_guard lock(mutex_);
  virtual_provider();
  return *virtual_gpu_;
}

bool Devices::observe(vgpu::Observer* observer) {
  const std::lock_guard lock(mutex_);
  if (observer != nullptr && observed_) return false;
  virtual_provider();
  virtual_gpu_->set_observer(observer);
  observed_ = observer != nullptr;
  return true;
}

void Devices::connect_order_log() {
  if (virtual_gpu_ == nullptr || log_order_report_ == nullptr) return;
  virtual_gpu_->on_order_report([log = log_order_report_](const vgpu::OrderReport& report) { log(report.message); });
}

void Devices::log_order_reports_with(void (*log)(const std::string& message)) {
  const std::lock_guard lock(mutex_);
  log_order_report_ = log;
  connect_order_log();
}

void Devices::install_hook(cuda::CallHook& hook) {
  const std::lock_guard lock(mutex_);
  hook_ = &hook;
}

}  // namespace etrt::process
