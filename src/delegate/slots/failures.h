#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <engine/execution_context.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Failures of work that was enqueued and ran later. Each is told once: to the call that waits for that work, else to
/// the handle's next call, else in the log when the handle goes. What was told stays in the counts and texts.
/// Threads: safe. Contexts whose work was abandoned may outlive the handle: they share it.
class Failures {
 public:
  /// From the thread that ran the work, on behalf of a slot.
  void add(std::uint64_t slot, Error error);

  /// The first that nobody was told of, of that slot; or of any. One atomic read when there is none.
  std::optional<Error> take(std::uint64_t slot);
  std::optional<Error> take_any();

  /// How many there were, and the words of the last few, oldest first.
  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }
  std::vector<std::string> texts() const;

  void reset();

 private:
  struct Untold {
    std::uint64_t slot;
    Error error;
  };
  /// Bounds what a program that always fails, and whose results nobody fetches, can pile up.
  static constexpr std::size_t kKept = 8;

  template <class Predicate>
  std::optional<Error> take_first(Predicate fits);

  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> any_untold_{false};
  mutable std::mutex mutex_;
  std::vector<Untold> untold_;
  std::vector<std::string> texts_;
};

/// What one slot's execution context reports to.
class SlotFailures final : public engine::FailureSink {
 public:
  SlotFailures(std::shared_ptr<Failures> failures, std::uint64_t slot) : failures_(std::move(failures)), slot_(slot) {}

  void failed(Error error) override { failures_->add(slot_, std::move(error)); }
  std::optional<Error> take() { return failures_->take(slot_); }

 private:
  std::shared_ptr<Failures> failures_;
  std::uint64_t slot_;
};

}  // namespace etrt::delegate
