#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <etrt/export.h>
#include <etrt/result.h>

namespace etrt {

namespace detail {
struct NativeDevice;
}

/// The sizes of SM partition that a device allows.
struct PartitionLimits {
  int minimum;    ///< the smallest partition, in SMs
  int alignment;  ///< partitions are multiples of this many SMs
};

/// A GPU, or a virtual GPU of this process. Names as CUDA and ExecuTorch write them: "cuda:0", "virtual:0".
///
/// A device stays open for the rest of the process once it was opened: a `Device` is a cheap value that never dangles.
/// Threads: safe.
class ETRT_API Device {
 public:
  /// Opens a device by name: "cuda:N", "cuda" (cuda:0), "virtual:N", "virtual" (virtual:0), or "auto": cuda:0 where a
  /// driver and a GPU are there, else virtual:0.
  ///
  /// Errors: `kInvalidArgument` for another name, `kNotFound` for a device or driver that is not there,
  /// `kNotSupported` for a driver that is too old.
  static Result<Device> open(const std::string& name = "auto");

  /// Every device that can be opened, GPUs first.
  static std::vector<Device> all();

  /// Why no GPU is listed by `all()`; empty where one is.
  static std::string why_no_gpu();

  const std::string& name() const;         ///< "cuda:0"
  const std::string& description() const;  ///< "NVIDIA H200"
  bool is_virtual() const;
  int sm_count() const;                    ///< streaming multiprocessors; cores, on the virtual GPU
  std::size_t memory_bytes() const;        ///< device memory in all
  std::string compute_capability() const;  ///< "9.0"; empty on the virtual GPU

  /// What partitions the device allows. `kNotSupported` when the driver has no green contexts (before CUDA 12.5).
  Result<PartitionLimits> partition_limits() const;

  /// Blocks until all work of the device's primary context has run (CUDA: cuCtxSynchronize).
  Status synchronize() const;

  /// Makes the primary context current on the calling thread, as cudaSetDevice does. Nothing of etrt needs it: on a
  /// thread without a context each call of etrt pushes and pops one, two driver calls that this saves.
  Status make_current() const;

  /// For etrt itself, which alone knows what it is.
  explicit Device(const detail::NativeDevice& native) noexcept : native_(&native) {}
  const detail::NativeDevice& native() const noexcept { return *native_; }

 private:
  const detail::NativeDevice* native_;
};

}  // namespace etrt
