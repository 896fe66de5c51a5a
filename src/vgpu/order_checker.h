#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <vgpu/access_history.h>
#include <vgpu/capture.h>
#include <vgpu/operation.h>
#include <vgpu/order_report.h>
#include <vgpu/timeline.h>

namespace etrt::vgpu {

/// Finds operations that touch the same memory with nothing to order them. It follows what the program promised (stream
/// order, events, host waits), not what happened to run first, so a mistake shows in every run.
///
/// Whatever the host has waited for counts as known to all its threads: threads that synchronise among themselves are
/// never reported.
/// Threads: guarded by the machine's mutex.
class OrderChecker {
 public:
  // Timelines: each has a slot in the vector clocks, given again once the host has seen its last operation.
  void attach(const std::shared_ptr<Timeline>& timeline);
  void detach(const Timeline& timeline);

  /// An operation was given the position `timeline.enqueued`; `timeline.clock` has what it waits for.
  void enqueued(Timeline& timeline, std::span<const Access> accesses);

  /// A node joined a capture: its accesses against those of nodes that it is not ordered with.
  void captured(const Capture& capture, const Capture::Node& node);

  /// The host waited for, or saw the end of, everything in `clock`.
  void host_observed(const VectorClock& clock) { host_clock_.merge(clock); }

  // Memory. A free in stream order is `enqueued` first, as a write of the whole allocation.
  void allocated(std::uint64_t address, std::uint64_t bytes);
  void freed_by_host(std::uint64_t address);
  void freed_in_stream(std::uint64_t address, const Timeline& timeline);
  /// The addresses are host memory like any other from now on.
  void forget(std::uint64_t address) { history_.forget(address); }

  /// A copy or memset named memory that was freed; nothing is enqueued.
  void refused_after_free(std::uint64_t address, std::uint64_t bytes, std::string_view label, std::uint64_t stream_id);

  /// The host waited for something that is being captured.
  void waited_in_capture(std::string_view call, std::uint64_t stream_id);

  std::vector<OrderReport> take_reports();

  /// Reports that no callback has seen yet.
  std::vector<OrderReport> take_undelivered() { return std::exchange(undelivered_, {}); }
  bool has_undelivered() const { return !undelivered_.empty(); }

 private:
  struct Slot {
    std::shared_ptr<Timeline> timeline;
    bool open = false;
  };

  void check(const PastAccess& access, const VectorClock& clock);
  void report(OrderReport::Kind kind, std::string first, std::string second, const std::string& verdict);
  bool is_arena_or_pinned(std::uint64_t address) { return history_.find(address, false) != nullptr; }

  AccessHistory history_;
  VectorClock host_clock_;
  std::vector<Slot> slots_;
  std::vector<OrderReport> reports_;
  std::vector<OrderReport> undelivered_;
  std::set<std::string> seen_;
};

}  // namespace etrt::vgpu
