#pragma once

#include <map>
#include <string_view>

#include <cuda.h>

#include <vgpu/kernel.h>

namespace etrt::vgpu {

/// A loaded module and the functions asked of it.
/// Threads: guarded by the machine's mutex.
struct Module {
  int device = 0;
  const ModuleImage* image = nullptr;
  std::map<const Kernel*, CUfunction> functions;
};

struct Function {
  const Kernel* kernel = nullptr;
  int device = 0;
  std::string_view label;  ///< "kernel digits"; lives as long as the machine
};

}  // namespace etrt::vgpu
