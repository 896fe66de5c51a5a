#pragma once

#include <mutex>
#include <optional>
#include <string>

#include <vgpu/virtual_gpu.h>

namespace etrt::process {

// The environment variables of etrt, all read here:
//
//   ETRT_VGPU_SMS      number of SMs of a virtual device; default: the cores this process may run on
//   ETRT_VGPU_DEVICES  number of virtual devices, 1 to 8; default 1
//   ETRT_VGPU_MEMORY   memory of a virtual device in MiB; default: half of the machine's
//   ETRT_VGPU_CHECK    1: the order checker runs, and each mistake it finds is logged
//   ETRT_CUDA_LIBRARY  the CUDA driver library; default libcuda.so.1. "none" hides the GPU.
//   ETRT_DEVICE_ALLOCATOR  "none": ExecuTorch's allocator for CUDA memory is left to another library. Needed where one
//                      that registers its own (ExecuTorch's CUDA backend) is loaded after etrt: ExecuTorch aborts then.
//   ETRT_TENSORRT_LIBRARY  the TensorRT library; default: looked for by the loader and in Python wheels
//   ETRT_TENSORRT_LEAN_RUNTIME  the lean runtime of an older TensorRT, for version-compatible plans that bring none
//   VIRTUAL_ENV        the Python environment whose wheels come first, as its `activate` sets it
//
// A value that does not parse counts as unset.

/// What the environment says.
struct Settings {
  vgpu::Config virtual_gpu = {};
  std::string cuda_library = {};           ///< the driver library to open; empty: the GPU is hidden
  std::string tensorrt_library = {};       ///< empty: nothing said
  std::string virtual_environment = {};    ///< empty: nothing said
  std::string tensorrt_lean_runtime = {};  ///< empty: nothing said

  static Settings from_environment();
};

/// The process's settings, read when they are first asked for: an application may set variables before its first call.
/// Threads: safe, while nobody changes the environment.
class Environment {
 public:
  Environment() = default;

  /// Reads nothing.
  explicit Environment(Settings settings) : settings_(std::move(settings)) {}

  const Settings& settings() const;

  /// Whether etrt shall not register ExecuTorch's allocator for CUDA memory. Apart from the others: it is asked for
  /// when the library is loaded, before the application can set anything.
  static bool leaves_device_allocator_to_others();

 private:
  mutable std::mutex mutex_;
  mutable std::optional<Settings> settings_;
};

}  // namespace etrt::process
