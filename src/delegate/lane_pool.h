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
/// While one stream alone uses the handle, its calls ask the driver nothing here. Once a second one has, each call asks
/// whether its stream is being captured: a lane in a graph belongs to that graph, and the events of an active capture
/// must not be touched from outside.
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
  /// A stream in capture gets only a lane set to its shapes that needs no wait: `kInvalidState` otherwise, with the
  /// capture untouched.
  Result<Lease> lease(const Request& request);

  /// Makes the first lane, so that its cost and its errors come when the program is loaded.
  Status warm_up();

  /// Waits until no lane has work in flight, whatever became of the streams. Lanes in graphs are not waited for.
  void drain() noexcept;

  /// Frees every lane; none may have work in flight or be leased.
  void clear() noexcept;

  std::size_t size() const;

  /// Adds what the lanes hold. Waits for calls in progress.
  void add_to(ProgramReport& report) const;

  /// The layers of the last call, when they were measured. Waits for calls in progress, and for that one's work.
  std::vector<LayerTime> layer_times() const;

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

  Entry* find_on_stream(const Request& request);
  Entry* find_on_handle(const Request& request);
  Result<bool> is_capturing(const Request& request) const;
  void check_lanes_of(const Request& request);
  Result<Lease> lease_on_stream(Entry& entry, const Request& request);
  Entry* find_idle(const Request& request, bool same_shapes);
  Entry* find_oldest(const Request& request, bool same_shapes);
  Pick pick_existing(const Request& request, bool may_grow);
  bool can_grow() const;
  bool is_idle(Lane& lane);
  Result<Lease> grow(std::unique_lock<std::mutex>& lock, const Request& request);
  Result<Lease> lease_in_capture(const Request& request);
  Lease take(Entry& entry, const Request& request, Lane::Last last);
  Status wait_for(Lane& lane, Wait wait, const Request& request) const;
  void give_back(Entry& entry) noexcept;
  Lane* wait_for_lane(std::size_t index, std::unique_lock<std::mutex>& lock) const;

  const cuda::Device& device_;
  const std::size_t limit_;
  const Factory factory_;

  mutable std::mutex mutex_;
  mutable std::condition_variable given_back_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::uint64_t uses_ = 0;
  std::uint64_t only_stream_ = 0;  ///< the one stream that has used the handle; 0: none yet
  bool several_streams_ = false;
};

/// A leased lane; goes back when it ends, its work in flight or not.
class LanePool::Lease {
 public:
  Lease(LanePool& pool, Entry& entry, bool in_capture, bool changed_stream)
      : pool_(&pool), entry_(&entry), in_capture_(in_capture), changed_stream_(changed_stream) {}
  Lease(Lease&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        entry_(other.entry_),
        in_capture_(other.in_capture_),
        changed_stream_(other.changed_stream_) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (pool_ != nullptr) pool_->give_back(*entry_);
  }

  Lane& operator*() const { return *entry_->lane; }
  Lane* operator->() const { return entry_->lane.get(); }

  /// Whether the stream is known to be in capture. False on the fast path, which does not ask.
  bool in_capture() const { return in_capture_; }

  /// Whether the lane last ran on another stream, or never.
  bool changed_stream() const { return changed_stream_; }

 private:
  LanePool* pool_;
  Entry* entry_;
  bool in_capture_;
  bool changed_stream_;
};

}  // namespace etrt::delegate
