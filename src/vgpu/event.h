#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <vgpu/timeline.h>

namespace etrt::vgpu {

struct Capture;

/// An event: the latest point recorded in it, in a stream or in a capture.
/// Threads: guarded by the machine's mutex.
struct Event {
  int device = 0;
  bool timing = true;

  Point recorded;                ///< no timeline: never recorded
  std::uint64_t generation = 0;  ///< counts records
  std::uint64_t timed_generation = 0;
  std::int64_t time_ns = 0;  ///< when the record of `timed_generation` ran
  VectorClock clock;         ///< what comes before the record, for the order checker

  std::shared_ptr<Capture> capture;  ///< set when last recorded in a capturing stream
  std::vector<std::size_t> tail;     ///< the captured nodes the record stands for
};

}  // namespace etrt::vgpu
