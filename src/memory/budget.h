#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace etrt::memory {

/// How many bytes may be held, and are.
/// Threads: safe.
class Budget {
 public:
  static constexpr std::size_t kUnlimited = SIZE_MAX;

  explicit Budget(std::size_t limit = kUnlimited) : limit_(limit) {}

  /// Counts the bytes as held if they fit.
  bool take(std::size_t bytes) noexcept {
    std::size_t used = used_;
    do {
      const std::size_t limit = limit_;
      if (used > limit || bytes > limit - used) return false;
    } while (!used_.compare_exchange_weak(used, used + bytes));
    return true;
  }

  /// Counts them even where they do not fit.
  void take_beyond(std::size_t bytes) noexcept { used_ += bytes; }

  void give_back(std::size_t bytes) noexcept { used_ -= bytes; }

  std::size_t used() const noexcept { return used_; }
  std::size_t limit() const noexcept { return limit_; }
  bool is_limited() const noexcept { return limit_ != kUnlimited; }
  void set_limit(std::size_t limit) noexcept { limit_ = limit; }

 private:
  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace etrt::memory
