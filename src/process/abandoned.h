#pragma once

#include <memory>
#include <mutex>
#include <vector>

namespace etrt::process {

/// What the device may use for ever, since every wait for its end failed: it is kept, and neither used nor freed.
/// Threads: safe. Never destroyed.
class Abandoned {
 public:
  void keep(std::shared_ptr<const void> kept) {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(kept));
  }

  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return kept_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const void>> kept_;
};

}  // namespace etrt::process
