// The part of Machine that runs streams: enqueuing, the workers, and waiting for them.

#include <algorithm>

#include <vgpu/handle.h>
#include <vgpu/machine.h>

namespace etrt::vgpu {

std::shared_ptr<Stream> Machine::make_stream(const std::shared_ptr<Context>& context, Stream::Role role,
                                             bool blocking) {
  auto stream = std::make_shared<Stream>();
  stream->id = next_stream_id();
  stream->role = role;
  stream->blocking = blocking;
  stream->context = context;
  stream->partition = context->partition;
  stream->timeline = std::make_shared<Timeline>();
  stream->timeline->stream_id = stream->id;
  if (checker != nullptr) checker->attach(stream->timeline);
  open_streams.push_back(stream);
  return stream;
}

void Machine::leave_capture(Stream& stream) {
  const auto capture = stream.capture;
  if (capture == nullptr) return;
  capture->invalidated = true;
  if (capture->origin == &stream) {
    capture->end();
    std::erase(captures, capture);
  } else {
    std::erase(capture->participants, &stream);
    stream.capture.reset();
    stream.tail.clear();
  }
}

void Machine::close_stream(Stream& stream) {
  if (stream.closing) return;
  leave_capture(stream);
  stream.closing = true;
  if (stream.started) {
    stream.work.notify_one();
  } else {
    forget_stream(stream);
  }
}

void Machine::forget_stream(Stream& stream) {
  if (checker != nullptr) {
    const VectorClock& clock = stream.timeline->clock;
    Context& context = *stream.context;
    context.closed_streams.merge(clock);
    if (stream.blocking) context.closed_blocking_streams.merge(clock);
    context.device->primary->closed_streams.merge(clock);
    checker->detach(*stream.timeline);
  }
  std::erase_if(open_streams, [&](const std::shared_ptr<Stream>& open) { return open.get() == &stream; });
}

void Machine::order_after_context(Stream& stream, Operation& operation) {
  const auto follow = [&](const Stream& other) {
    if (!other.timeline->drained()) operation.waits.push_back(other.now());
    if (checker != nullptr) stream.timeline->clock.merge(other.timeline->clock);
  };
  if (stream.role == Stream::Role::kLegacy) {
    for (const auto& other : open_streams) {
      if (other.get() != &stream && other->blocking && other->context == stream.context) follow(*other);
    }
    if (checker != nullptr) stream.timeline->clock.merge(stream.context->closed_blocking_streams);
  } else if (stream.blocking && stream.context->legacy != nullptr) {
    follow(*stream.context->legacy);
  }
}

void Machine::enqueue(const std::shared_ptr<Stream>& stream, std::unique_ptr<Operation> operation,
                      std::span<const Access> accesses) {
  Timeline& timeline = *stream->timeline;
  order_after_context(*stream, *operation);
  operation->partition = stream->partition;
  ++timeline.enqueued;
  if (checker != nullptr) {
    checker->enqueued(timeline, accesses);
    if (std::holds_alternative<HostWork>(operation->work)) operation->clock = timeline.clock;
  }
  stream->queue.push(std::move(operation));
  stream->work.notify_one();
}

void Machine::start(const std::shared_ptr<Stream>& stream) {
  if (stream->started) return;
  stream->worker = std::thread([this, stream] { work(stream); });
  stream->started = true;
  ++running_workers_;
}

void Machine::work(const std::shared_ptr<Stream>& stream) {
  stream->partition->confine_thread();
  std::unique_lock lock(mutex);
  this_thread().is_worker = true;
  Timeline& timeline = *stream->timeline;
  while (true) {
    stream->work.wait(lock, [&] { return !stream->queue.empty() || stream->closing; });
    if (stream->queue.empty()) break;
    auto operation = stream->queue.pop();
    const Site site{addresses, observer.load(), stream->id, stream->device()};
    const std::int64_t start = now_ns();
    for (const Point& point : operation->waits) wait(lock, point);
    // A host function that runs is the host seeing that everything before it has ended.
    if (checker != nullptr && std::holds_alternative<HostWork>(operation->work))
      checker->host_observed(operation->clock);
    lock.unlock();
    execute(*operation, site);
    observe(*operation, site, start);
    lock.lock();
    settle(*operation);
    operations.give_back(std::move(operation));
    ++timeline.completed;
    timeline.progressed.notify_all();
  }
  forget_stream(*stream);
  ended_workers_.push_back(std::move(stream->worker));
  --running_workers_;
  worker_ended_.notify_all();
}

void Machine::settle(Operation& operation) {
  if (const auto* record = std::get_if<RecordWork>(&operation.work)) {
    Event& event = *record->event;
    if (event.generation == record->generation) {
      event.timed_generation = record->generation;
      event.time_ns = now_ns();
    }
  } else if (const auto* release = std::get_if<ReleaseWork>(&operation.work)) {
    if (Allocation* allocation = memory.starting_at(release->address)) release_allocation(*allocation);
  }
}

void Machine::wait(std::unique_lock<std::mutex>& lock, const Point& point) {
  if (point.reached()) return;
  const auto timeline = point.timeline;
  const std::uint64_t position = point.position;
  timeline->progressed.wait(lock, [&] { return timeline->completed >= position; });
}

std::vector<Point> Machine::points_of(const Context& context) const {
  std::vector<Point> points;
  for (const auto& stream : open_streams) {
    const bool within =
        context.is_green() ? stream->context.get() == &context : stream->context->device == context.device;
    if (within) points.push_back(stream->now());
  }
  return points;
}

VectorClock Machine::clock_of(const Context& context, const std::vector<Point>& points) {
  VectorClock clock = context.closed_streams;
  for (const Point& point : points) clock.merge(point.timeline->clock);
  return clock;
}

void Machine::wait_for_idle_worker(const Stream& stream, std::unique_lock<std::mutex>& lock) {
  if (!stream.started || !stream.timeline->drained()) return;
  worker_ended_.wait(lock, [&] { return !stream.worker.joinable(); });
}

void Machine::join_ended_workers(std::unique_lock<std::mutex>& lock) {
  if (ended_workers_.empty()) return;
  auto ended = std::move(ended_workers_);
  ended_workers_.clear();
  lock.unlock();
  for (auto& worker : ended) worker.join();
  lock.lock();
}

}  // namespace etrt::vgpu
