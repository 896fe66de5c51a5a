#pragma once

#include <cstddef>
#include <cstdint>
#include <memory/stream_ordered_memory.h>

#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::memory {

/// Device memory behind one host argument of a lane. Grows, never shrinks, and is replaced in stream order, so that
/// growing neither waits nor stalls others; at steady state nothing is allocated.
/// Threads: as its lane. Ends only when no work uses it, with the primary context current.
class DeviceStaging {
 public:
  explicit DeviceStaging(const cuda::Driver& driver) : driver_(&driver) {}

  /// An address with room for `bytes`, good for work enqueued on `stream` after this call and ordered after it.
  Result<std::uint64_t> reserve(std::size_t bytes, cuda::StreamRef stream);

  std::size_t capacity() const { return memory_.size(); }

 private:
  const cuda::Driver* driver_;
  StreamOrderedMemory memory_;
};

}  // namespace etrt::memory
