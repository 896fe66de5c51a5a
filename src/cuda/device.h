#pragma once

#include <cstdint>
#include <string>

#include <cuda/driver.h>
#include <cuda/owners.h>
#include <etrt/result.h>

namespace etrt {
struct PartitionLimits;
}  // namespace etrt

namespace etrt::detail {

/// One device of one provider, with its primary context retained for as long as the object lives.
/// Threads: immutable after creation. The table must outlive it.
///
/// The name is what etrt/device.h declares and leaves undefined: all of etrt calls it `cuda::Device`.
struct NativeDevice {
  const cuda::Driver& driver;
  CUdevice ordinal;
  CUcontext primary;
  bool is_virtual;
  std::string label;        ///< "cuda:0", "virtual:0"
  std::string description;  ///< "NVIDIA H200"
  int sm_count;
  int compute_major;  ///< compute capability; 0.0 on the virtual GPU
  int compute_minor;
  std::size_t memory_bytes;
  cuda::PrimaryContextReference primary_reference;

  /// Retains the primary context of device `ordinal` and reads what does not change.
  static Result<NativeDevice> open(const cuda::Driver& driver, int ordinal, bool is_virtual);
};

}  // namespace etrt::detail

namespace etrt::cuda {

using Device = detail::NativeDevice;

/// What partitions the device allows: measured by splitting off one SM and seeing what comes. `kNotSupported` when the
/// driver has no green contexts.
Result<PartitionLimits> partition_limits(const Device& device);

}  // namespace etrt::cuda
