#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include <cuda/device.h>
#include <delegate/lane.h>
#include <delegate/stream_selection.h>
#include <etrt/report.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// A handle's lanes. A call leases one, enqueues its work on it, and gives it back with the work in flight.
///
/// A lane that a capture has taken belongs to that stream's graphs for the handle's life: they run whenever the caller
/// launches them, so no other call gets it. It does not count towards the limit.
///
/// Which one, in this order: the lane last used on the call's stream (the stream orders the two); an idle one; a new
/// one, up to the limit; the oldest, behind a wait on the device. Lanes set to the call's shapes (and shape tensors'
/// values) come first, and a lane in flight changes shapes only when there is no other: that wait is the host's.
/// Threads: safe.
class LanePool {
 public:
  using Factory = std::function<Result<std::unique_ptr<Lane>>()>;

  LanePool(const cuda::Device& device, int limit, Factory factory);

  class Lease;

  /// What the call needs of its lane.
  struct Request {
    SelectedStream stream;
    std::span<const InputState> inputs;
  };

  /// Leases a lane, ordered behind its earlier work on the request's stream. Blocks only as the class comment says, or
  /// for as long as other threads hold every lane in the middle of their own calls.
  /// A stream in capture gets only a lane that has run with its shapes: `kInvalidState` otherwise, with the capture
  /// untouched. The lane stays as it was until `Lease::begin`, so a call may still be refused.
  Result<Lease> lease(const Request& request);

  /// Makes the first lane, so that its cost and its errors come when the program is loaded.
  Status warm_up();

  /// Waits until no lane has work in flight, whatever became of the streams. Graphs are not waited for.
  void drain() noexcept;

  /// Frees every lane; none may have work in flight or be leased.
  void clear() noexcept;

  std::size_t size() const;

  /// Adds what the lanes hold. Waits for calls in progress.
  void add_to(ProgramReport& report) const;

  /// The layers of the last call, when they were measured. Waits for calls in progress, and for that one's work.
  std::vector<LayerTime> layer_times();

 private:
  /// How a leased lane gets behind its own earlier work.
  enum class Wait { kNone, kOnDevice, kOnHost };
  struct Entry {
    std::unique_ptr<Lane> lane;  ///< null while it is being made
    bool leased = false;
  };
  struct Pick {
    Entry* entry;
    Wait wait;
  };

  template <class Predicate>
  Entry* find_free(Predicate fits) const;
  bool is_idle(Lane& lane) const;
  Entry* find_idle(const Request& request, bool same_shapes) const;
  Entry* find_oldest(const Request& request, bool same_shapes) const;
  Pick pick_existing(const Request& request) const;
  bool can_grow() const;
  Result<Lease> grow(std::unique_lock<std::mutex>& lock, const Request& request);
  Pick pick_for_capture(const Request& request) const;
  Result<Lease> lease_in_capture(std::unique_lock<std::mutex>& lock, const Request& request);
  Lease take(Entry& entry, const SelectedStream& stream);
  Result<Lease> take_behind(std::unique_lock<std::mutex>& lock, const Pick& pick, const Request& request);
  Status wait_for(Lane& lane, Wait wait, const Request& request) const;
  void give_back(Entry& entry) noexcept;
  Entry* wait_for_lane(std::size_t index, std::unique_lock<std::mutex>& lock) const;

  const cuda::Device& device_;
  const std::size_t limit_;
  const Factory factory_;

  mutable std::mutex mutex_;
  mutable std::condition_variable given_back_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::uint64_t uses_ = 0;
};

/// A leased lane; goes back when it ends, its work in flight or not.
class LanePool::Lease {
 public:
  Lease(LanePool& pool, Entry& entry, const SelectedStream& stream)
      : pool_(&pool), entry_(&entry), stream_(stream), use_(++pool.uses_) {}
  Lease(Lease&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)), entry_(other.entry_), stream_(other.stream_), use_(other.use_) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (pool_ != nullptr) pool_->give_back(*entry_);
  }

  Lane& operator*() const { return *entry_->lane; }
  Lane* operator->() const { return entry_->lane.get(); }

  /// The call is about to enqueue: the lane is its stream's from here on, or its graph's.
  Status begin() const;

  /// Whether the lane last ran on another stream, or never, as far as one can tell. Before `begin`.
  bool changes_stream() const { return stream_.id == 0 || entry_->lane->stream_id != stream_.id; }

 private:
  LanePool* pool_;
  Entry* entry_;
  SelectedStream stream_;
  std::uint64_t use_;
};

}  // namespace etrt::delegate
