#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include <cuda/device.h>
#include <delegate/slots/slot.h>
#include <delegate/streams/stream_selection.h>
#include <etrt/report.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// A handle's execution slots. A call leases one, enqueues its work on it, and gives it back with the work in flight.
///
/// Which one, in this order: the slot last used on the call's stream (the stream orders the two); an idle one; a new
/// one, up to the limit; the oldest, behind a wait on the device. Slots set to the call's shapes (and shape tensors'
/// values) come first, and a slot in flight changes shapes only when there is no other: that wait is the host's.
///
/// A slot that cannot be made is no failure of the call while there is another: the limit is what could be made then.
/// Slots that graphs of the caller's have do not count towards the limit; they are as many as it at most.
/// Threads: safe. No lock is held while a slot is made, waited for or used.
class SlotPool {
 public:
  using Factory = std::function<Result<std::unique_ptr<Slot>>()>;

  SlotPool(const cuda::Device& device, int limit, Factory factory);

  class Lease;

  /// What the call needs of its slot.
  struct Request {
    SelectedStream stream;
    std::span<const InputState> inputs;
  };

  /// Leases a slot, ordered behind its earlier work on the request's stream. Blocks only as the class comment says, or
  /// for as long as other threads hold every slot in the middle of their own calls.
  /// A stream in capture gets only a slot that has run with its shapes: `kInvalidState` otherwise, with the capture
  /// untouched. The slot stays as it was until `Lease::begin`, so a call may still be refused.
  Result<Lease> lease(const Request& request);

  /// Makes the first slot, so that its cost and its errors come when the program is loaded. Slots of before are
  /// destroyed first; none may be leased or in flight.
  Status make_first();

  /// Waits until no slot has work in flight, whatever became of the streams. Graphs are not waited for. False: the end
  /// of some work cannot be proven.
  bool drain() noexcept;

  /// Frees every slot; none may have work in flight or be leased. Calls that captures of other threads forbid are made:
  /// the caller has entered relaxed mode.
  void clear() noexcept;

  std::size_t size() const;

  /// Adds what the slots hold. Waits for nobody.
  void add_to(ProgramReport& report) const;

  /// The layers of the last call, when they were measured. Waits for calls in progress, and for that one's work.
  std::vector<LayerTime> layer_times();

 private:
  /// How a leased slot gets behind its own earlier work.
  enum class Wait { kNone, kOnDevice, kOnHost };
  struct Entry {
    std::unique_ptr<Slot> slot;  ///< null while it is being made
    bool leased = false;
    bool abandoned = false;  ///< what the slot uses may be in use for ever: it stays leased
    std::uint64_t last_use = 0;
  };
  struct Pick {
    Entry* entry;
    Wait wait;
  };

  template <class Predicate>
  Entry* find_free(Predicate fits) const;
  Entry* find_oldest(const Request& request, bool same_shapes) const;
  Result<Pick> pick(const Request& request) const;
  Result<Pick> pick_for_capture(const Request& request) const;
  std::size_t count_usable() const;
  Entry* find_last_used() const;
  Result<Lease> take(std::unique_lock<std::mutex>& lock, const Pick& pick, const Request& request);
  Status grow(std::unique_lock<std::mutex>& lock);
  bool give_up(Entry& entry, const std::string& reason) noexcept;
  void erase(const Entry& entry) noexcept;
  void give_back(Entry& entry) noexcept;
  void abandon(Entry& entry) noexcept;

  const cuda::Device& device_;
  const Factory factory_;

  mutable std::mutex mutex_;
  std::condition_variable given_back_;
  std::size_t limit_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::uint64_t uses_ = 0;
};

/// A leased slot; goes back when it ends, its work in flight or not.
class SlotPool::Lease {
 public:
  Lease(SlotPool& pool, Entry& entry) : pool_(&pool), entry_(&entry) {}
  Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), entry_(other.entry_) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (pool_ != nullptr) pool_->give_back(*entry_);
  }

  Slot& operator*() const { return *entry_->slot; }
  Slot* operator->() const { return entry_->slot.get(); }

  /// There is no memory for what the slot needs: true when the handle has another one, which a new lease gets. This one
  /// is freed then, and the pool makes no more.
  bool give_up(const Error& reason) && { return std::exchange(pool_, nullptr)->give_up(*entry_, reason.message()); }

  /// Nothing proves that the slot's work is over: nobody uses it again, and it is never freed.
  void abandon() && { std::exchange(pool_, nullptr)->abandon(*entry_); }

 private:
  SlotPool* pool_;
  Entry* entry_;
};

}  // namespace etrt::delegate
