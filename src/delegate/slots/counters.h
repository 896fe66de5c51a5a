#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace etrt::delegate {

/// What a handle's calls did, for the report. Threads: safe.
struct Counters {
  std::atomic<std::uint64_t> calls{0};
  std::atomic<std::uint64_t> failed_calls{0};
  std::atomic<std::uint64_t> waiting_calls{0};
  std::atomic<std::uint64_t> shape_changes{0};
  std::atomic<std::uint64_t> bindings_set{0};
  std::atomic<std::uint64_t> host_ns{0};
  std::atomic<std::uint64_t> slowest_ns{0};

  /// A call ended.
  void ended(bool ok, std::chrono::nanoseconds took) {
    const auto ns = static_cast<std::uint64_t>(took.count());
    (ok ? calls : failed_calls).fetch_add(1, std::memory_order_relaxed);
    host_ns.fetch_add(ns, std::memory_order_relaxed);
    std::uint64_t slowest = slowest_ns.load(std::memory_order_relaxed);
    while (ns > slowest && !slowest_ns.compare_exchange_weak(slowest, ns, std::memory_order_relaxed)) {
    }
  }

  void reset() {
    for (auto* counter :
         {&calls, &failed_calls, &waiting_calls, &shape_changes, &bindings_set, &host_ns, &slowest_ns}) {
      counter->store(0, std::memory_order_relaxed);
    }
  }

  static void add(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }
};

}  // namespace etrt::delegate
