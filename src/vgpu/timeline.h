#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <vgpu/vector_clock.h>

namespace etrt::vgpu {

/// How far the operations of one stream have come. Outlives its stream: events and waits refer to it.
/// Threads: guarded by the machine's mutex.
struct Timeline {
  std::uint64_t stream_id = 0;
  std::uint64_t enqueued = 0;   ///< position of the last operation enqueued
  std::uint64_t completed = 0;  ///< position of the last operation that has run
  std::condition_variable progressed;

  std::size_t slot = 0;  ///< this timeline's place in vector clocks
  VectorClock clock;     ///< what comes before the next operation enqueued

  bool drained() const { return completed == enqueued; }
};

/// A moment of a timeline: when its operation at `position` has run.
struct Point {
  std::shared_ptr<Timeline> timeline;
  std::uint64_t position = 0;

  bool reached() const { return timeline == nullptr || timeline->completed >= position; }
};

}  // namespace etrt::vgpu
