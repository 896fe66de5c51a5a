#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <cuda/library.h>
#include <process/environment.h>

namespace etrt::process {
namespace {

std::optional<long> number(const char* variable, long minimum, long maximum) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  const std::string_view view(text);
  long value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size() || value < minimum || value > maximum) {
    return std::nullopt;
  }
  return value;
}

std::string text(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? std::string() : std::string(value);
}

std::string cuda_library_path() {
  const std::string path = text("ETRT_CUDA_LIBRARY");
  if (path.empty()) return cuda::kDriverLibrary;
  return path == "none" ? std::string() : path;
}

vgpu::Config virtual_gpu_config() {
  vgpu::Config config;
  config.sm_count = static_cast<int>(number("ETRT_VGPU_SMS", 1, 1024).value_or(0));
  config.device_count = static_cast<int>(number("ETRT_VGPU_DEVICES", 1, 8).value_or(1));
  config.memory_bytes = static_cast<std::size_t>(number("ETRT_VGPU_MEMORY", 1, 1L << 20).value_or(0)) << 20;
  config.check_order = number("ETRT_VGPU_CHECK", 0, 1).value_or(0) == 1;
  return config;
}

}  // namespace

Settings Settings::from_environment() {
  return {virtual_gpu_config(), cuda_library_path(), text("ETRT_TENSORRT_LIBRARY"), text("VIRTUAL_ENV"),
          text("ETRT_TENSORRT_LEAN_RUNTIME")};
}

const Settings& Environment::settings() const {
  const std::lock_guard lock(mutex_);
  if (!settings_) settings_ = Settings::from_environment();
  return *settings_;
}

bool Environment::leaves_device_allocator_to_others() {
  return text("ETRT_DEVICE_ALLOCATOR") == "none";
}

}  // namespace etrt::process
