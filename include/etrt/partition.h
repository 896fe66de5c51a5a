#pragma once

#include <vector>

#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/export.h>
#include <etrt/result.h>
#include <etrt/stream.h>

namespace etrt {

/// Some of a device's SMs, set apart for the streams made in it (a CUDA green context): their kernels run nowhere else.
/// A model runs in a partition when it runs on one of its streams; nothing needs to be made current.
///
/// A partition keeps its own work in, it does not keep others out: work on streams outside any partition may run on
/// its SMs as well. For predictable latency, give every tenant of the GPU a partition.
/// A partition may be destroyed before its streams' work has run. Threads: safe.
class ETRT_API Partition {
 public:
  /// A partition of exactly `sm_count` SMs. Two partitions made by two calls may share SMs; see `split`.
  ///
  /// Errors: `kInvalidArgument` when the device does not allow that size (the message names sizes that it does),
  /// `kNotSupported` when the driver has no green contexts.
  static Result<Partition> create(const Device& device, int sm_count);

  /// Partitions that share no SM, of the given sizes in order. Sizes may add up to less than the device has. CUDA
  /// splits a device into groups of one size, so the greatest common divisor of the sizes must be a size it allows, and
  /// as many such groups must fit: an H200 of 132 SMs holds 15 groups of 8, or 2 of 64.
  static Result<std::vector<Partition>> split(const Device& device, const std::vector<int>& sm_counts);

  Partition(Partition&& other) noexcept;
  Partition& operator=(Partition&& other) noexcept;
  ~Partition();

  /// A stream whose work runs on this partition's SMs alone.
  Result<Stream> create_stream() const;

  int sm_count() const noexcept { return sm_count_; }
  const Device& device() const noexcept { return device_; }

  /// The CUDA handle (CUgreenCtx).
  CUgreenCtx_st* get() const noexcept { return handle_; }

 private:
  Partition(const Device& device, CUgreenCtx_st* handle, int sm_count) noexcept
      : device_(device), handle_(handle), sm_count_(sm_count) {}

  Device device_;
  CUgreenCtx_st* handle_;
  int sm_count_;
};

}  // namespace etrt
