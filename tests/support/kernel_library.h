#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include <cuda/owners.h>
#include <etrt/result.h>

namespace etrt::support {

/// Threads of a block in every launch of the library.
inline constexpr std::uint32_t kBlockThreads = 256;

/// The library's kernels as PTX, for CUDA's cuModuleLoadData.
extern const char* const kKernelsPtx;

/// The same kernels as an image for the virtual GPU's cuModuleLoadData.
const void* vgpu_kernels();

/// A few kernels with one face on every provider. Each call launches one kernel on `stream` and gives the driver's
/// answer. `data`, `source` and `destination` are device or pinned addresses of `count` u32.
/// The context that was current at `load` must outlive the library.
/// Threads: safe.
class KernelLibrary {
 public:
  static Result<KernelLibrary> load(const cuda::Driver& driver, const void* image);

  /// data[i] = value
  CUresult fill_u32(CUstream stream, CUdeviceptr data, std::uint32_t value, std::uint32_t count) const;

  /// data[i] += value
  CUresult add_u32(CUstream stream, CUdeviceptr data, std::uint32_t value, std::uint32_t count) const;

  /// destination[i] = source[i]
  CUresult copy_u32(CUstream stream, CUdeviceptr destination, CUdeviceptr source, std::uint32_t count) const;

  /// out[b] = the SM that ran block b, for `blocks` blocks. Each block stays on its SM for `stay`.
  CUresult record_sm(CUstream stream, CUdeviceptr out, std::uint32_t blocks, std::chrono::nanoseconds stay) const;

  /// Keeps one SM busy for `duration`.
  CUresult spin(CUstream stream, std::chrono::nanoseconds duration) const;

  /// For gate.cpp, CUDA only: writes flags[1], waits for flags[0] no longer than `limit`, and tells in flags[2] that
  /// the limit ended the wait. `flags` is pinned memory.
  CUresult hold(CUstream stream, CUdeviceptr flags, std::chrono::nanoseconds limit) const;

  CUfunction fill_function() const { return functions_[kFill]; }
  CUmodule module() const { return module_.get(); }

 private:
  enum Name { kFill, kAdd, kCopy, kRecordSm, kSpin, kHold, kNameCount };

  KernelLibrary(const cuda::Driver& driver, cuda::Module module) : driver_(&driver), module_(std::move(module)) {}
  CUresult launch(Name name, CUstream stream, std::uint32_t blocks, std::uint32_t threads, void** parameters) const;

  const cuda::Driver* driver_;
  cuda::Module module_;
  std::array<CUfunction, kNameCount> functions_{};
};

}  // namespace etrt::support
