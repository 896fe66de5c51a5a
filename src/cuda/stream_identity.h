#pragma once

#include <cstdint>

#include <cuda/driver.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// What a stream handle turned out to be.
struct StreamIdentity {
  const Driver* driver;
  int device;
  /// CUDA: cuStreamGetId, unique for the life of the process. 0 while the stream is being captured: asking for it then
  /// would invalidate the capture (seen on an H200, driver 580).
  std::uint64_t id;
};

/// What the driver says of a stream of this provider, in at most three driver calls. Leaves a capture valid.
/// Threads: safe.
Result<StreamIdentity> identify_stream(const Driver& driver, CUstream stream);

}  // namespace etrt::cuda
