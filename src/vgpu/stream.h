#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <vgpu/context.h>
#include <vgpu/operation.h>
#include <vgpu/ring_queue.h>
#include <vgpu/timeline.h>

namespace etrt::vgpu {

struct Capture;

/// An in-order queue of operations, and the worker thread that runs them.
/// Threads: guarded by the machine's mutex; operations run outside it.
struct Stream {
  enum class Role { kCreated, kLegacy, kPerThread };

  std::uint64_t id = 0;
  Role role = Role::kCreated;
  bool blocking = false;  ///< ordered with the legacy stream of its context
  std::shared_ptr<Context> context;
  std::shared_ptr<const Partition> partition;
  std::shared_ptr<Timeline> timeline;

  RingQueue<std::unique_ptr<Operation>> queue;
  std::condition_variable work;
  bool started = false;
  bool closing = false;  ///< destroyed: the worker ends once the queue is empty
  std::thread worker;

  std::shared_ptr<Capture> capture;
  std::vector<std::size_t> tail;  ///< captured nodes that the next one depends on

  int device() const { return context->device->ordinal; }
  Point now() const { return {timeline, timeline->enqueued}; }
};

}  // namespace etrt::vgpu
