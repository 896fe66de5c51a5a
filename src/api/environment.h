#pragma once

#include <string>

#include <vgpu/virtual_gpu.h>

namespace etrt::api {

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
//   VIRTUAL_ENV        the Python environment whose wheels come first, as its `activate` sets it
//
// A value that does not parse counts as unset.

/// The virtual GPU that the environment asks for.
vgpu::Config virtual_gpu_config_from_environment();

/// The driver library to open; empty when the GPU is hidden.
std::string cuda_library_from_environment();

/// Whether etrt shall not register ExecuTorch's allocator for CUDA memory.
bool device_allocator_left_to_others();

/// Where the environment says that TensorRT is; empty: nothing said.
struct TensorRtPlaces {
  std::string library;
  std::string virtual_environment;
};
TensorRtPlaces tensorrt_places_from_environment();

}  // namespace etrt::api
