#pragma once

#include <vector>

#include <cuda/owners.h>
#include <etrt/result.h>

namespace etrt::support {

/// The SMs of a device, as its SM resource tells them.
struct SmLayout {
  unsigned total;    ///< SMs of the device
  unsigned minimum;  ///< the smallest partition
};

Result<SmLayout> sm_layout(const cuda::Driver& driver, CUdevice device);

/// A partition of SMs: a green context, and how many SMs it has.
struct Partition {
  cuda::GreenContext green;
  CUcontext context = nullptr;  ///< cuCtxFromGreenCtx
  unsigned sm_count = 0;
};

/// `count` disjoint partitions of at least `sms` SMs each.
Result<std::vector<Partition>> create_partitions(const cuda::Driver& driver, CUdevice device, unsigned count,
                                                 unsigned sms);

}  // namespace etrt::support
