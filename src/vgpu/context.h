#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <cuda.h>

#include <vgpu/arena.h>
#include <vgpu/sm_map.h>
#include <vgpu/vector_clock.h>

namespace etrt::vgpu {

struct Stream;
struct Device;

/// A primary or green context.
/// Threads: guarded by the machine's mutex.
struct Context {
  CUcontext handle = nullptr;
  Device* device = nullptr;
  CUgreenCtx green = nullptr;  ///< null: the primary context
  std::shared_ptr<const Partition> partition;
  bool coscheduled = true;         ///< of a green context: as in SmSet
  bool active = false;             ///< retained, or a green context not yet destroyed
  std::shared_ptr<Stream> legacy;  ///< the NULL stream, made on first use

  // For the order checker: who waits for the context, or for its blocking streams, waits for those that are gone too.
  VectorClock closed_streams;
  VectorClock closed_blocking_streams;

  bool is_green() const { return green != nullptr; }
};

/// One virtual device.
/// Threads: guarded by the machine's mutex.
struct Device {
  Device(int number, std::size_t memory_bytes) : ordinal(number), arena(memory_bytes) {}

  int ordinal;
  Arena arena;
  std::shared_ptr<Context> primary;
  unsigned retains = 0;
};

}  // namespace etrt::vgpu
