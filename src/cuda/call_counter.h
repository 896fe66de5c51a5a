#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <cuda/decorated_driver.h>

namespace etrt::cuda {

/// Counts calls by entry point.
/// Threads: safe; counts are exact once the counted threads are quiet.
class CallCounter final : public CallHook {
 public:
  std::optional<CUresult> before(Symbol symbol) override {
    counts_[static_cast<std::size_t>(symbol)].fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  void after(Symbol, CUresult) override {}

  std::uint64_t count(Symbol symbol) const {
    return counts_[static_cast<std::size_t>(symbol)].load(std::memory_order_relaxed);
  }

  std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& count : counts_) sum += count.load(std::memory_order_relaxed);
    return sum;
  }

  void reset() {
    for (auto& count : counts_) count.store(0, std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<std::uint64_t>, kSymbolCount> counts_{};
};

}  // namespace etrt::cuda
