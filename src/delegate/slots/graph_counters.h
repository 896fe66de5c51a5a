#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include <etrt/report.h>

namespace etrt::delegate {

/// What etrt's own graphs of a program did, for the report. Threads: safe.
class GraphCounters {
 public:
  void launched() { launches_.fetch_add(1, std::memory_order_relaxed); }
  void captured() {
    captures_.fetch_add(1, std::memory_order_relaxed);
    graphs_.fetch_add(1, std::memory_order_relaxed);
  }
  void dropped() { graphs_.fetch_sub(1, std::memory_order_relaxed); }
  void evicted() { evictions_.fetch_add(1, std::memory_order_relaxed); }

  /// Keeps the first reason, and says whether this is it.
  bool refused(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    if (!reason_.empty()) return false;
    reason_ = reason;
    return true;
  }

  void add_to(ProgramReport& report) const {
    report.graphs = graphs_.load(std::memory_order_relaxed);
    report.graph_launches = launches_.load(std::memory_order_relaxed);
    report.graph_captures = captures_.load(std::memory_order_relaxed);
    report.graph_evictions = evictions_.load(std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    report.no_graph_reason = reason_;
  }

 private:
  std::atomic<std::size_t> graphs_{0};
  std::atomic<std::uint64_t> launches_{0};
  std::atomic<std::uint64_t> captures_{0};
  std::atomic<std::uint64_t> evictions_{0};
  mutable std::mutex mutex_;
  std::string reason_;
};

}  // namespace etrt::delegate
