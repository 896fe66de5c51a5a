#include <algorithm>

#include <delegate/slots/failures.h>

namespace etrt::delegate {

void Failures::add(std::uint64_t slot, Error error) {
  const std::lock_guard lock(mutex_);
  count_.fetch_add(1, std::memory_order_relaxed);
  if (texts_.size() == kKept) texts_.erase(texts_.begin());
  texts_.push_back(error.message());
  if (untold_.size() == kKept) return;
  untold_.push_back({slot, std::move(error)});
  any_untold_.store(true, std::memory_order_release);
}

template <class Predicate>
std::optional<Error> Failures::take_first(Predicate fits) {
  if (!any_untold_.load(std::memory_order_acquire)) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(untold_.begin(), untold_.end(), fits);
  if (found == untold_.end()) return std::nullopt;
  Error error = std::move(found->error);
  untold_.erase(found);
  any_untold_.store(!untold_.empty(), std::memory_order_release);
  return error;
}

std::optional<Error> Failures::take(std::uint64_t slot) {
  return take_first([slot](const Untold& failure) { return failure.slot == slot; });
}

std::optional<Error> Failures::take_any() {
  return take_first([](const Untold&) { return true; });
}

std::vector<std::string> Failures::texts() const {
  const std::lock_guard lock(mutex_);
  return texts_;
}

void Failures::reset() {
  const std::lock_guard lock(mutex_);
  count_ = 0;
  any_untold_ = false;
  untold_.clear();
  texts_.clear();
}

}  // namespace etrt::delegate
