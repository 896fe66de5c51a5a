#include <algorithm>
#include <utility>

#include <base/format.h>
#include <vgpu/order_checker.h>

namespace etrt::vgpu {
namespace {

constexpr std::size_t kMostReports = 1000;

std::string describe(const PastAccess& access) {
  std::ostringstream out;
  out << access.label;
  if (access.stream_id != 0) out << " on stream " << access.stream_id;
  out << (access.write ? " writes " : " reads ") << access.end - access.begin << " bytes at 0x" << std::hex
      << access.begin;
  return out.str();
}

PastAccess in_stream(const Access& access, const Timeline& timeline) {
  return {
      access.address, access.address + access.bytes, access.write, timeline.slot, timeline.enqueued, timeline.stream_id,
      access.label};
}

}  // namespace

void OrderChecker::attach(const std::shared_ptr<Timeline>& timeline) {
  std::size_t slot = 0;
  for (; slot < slots_.size(); ++slot) {
    const Slot& candidate = slots_[slot];
    if (!candidate.open && host_clock_.covers(slot, candidate.timeline->enqueued)) break;
  }
  if (slot == slots_.size()) slots_.emplace_back();
  // Positions go on where the slot's last timeline ended, so that what is known of that one stays true.
  if (slots_[slot].timeline != nullptr) timeline->enqueued = timeline->completed = slots_[slot].timeline->enqueued;
  timeline->slot = slot;
  slots_[slot] = {timeline, true};
}

void OrderChecker::detach(const Timeline& timeline) {
  slots_[timeline.slot].open = false;
}

void OrderChecker::enqueued(Timeline& timeline, std::span<const Access> accesses) {
  timeline.clock.merge(host_clock_);
  timeline.clock.set(timeline.slot, timeline.enqueued);
  for (const Access& access : accesses) {
    if (access.bytes > 0) check(in_stream(access, timeline), timeline.clock);
  }
}

void OrderChecker::check(const PastAccess& access, const VectorClock& clock) {
  const bool known = is_arena_or_pinned(access.begin);
  Region* region = history_.find(access.begin, !known);
  if (region->freed) {
    const PastAccess& free = region->freed_by;
    if (!region->freed_in_stream || clock.covers(free.slot, free.position)) {
      report(OrderReport::Kind::kUseAfterFree,
             region->freed_in_stream ? describe(free)
                                     : base::concat("cuMemFree of ", region->end - region->begin, " bytes"),
             describe(access), "uses memory after it was freed: free it after its last use, in stream order");
      return;
    }
  }
  for (const PastAccess& past : region->accesses) {
    if (past.slot == access.slot || !(past.write || access.write) || !past.overlaps(access)) continue;
    if (clock.covers(past.slot, past.position)) continue;
    report(OrderReport::Kind::kUnorderedAccess, describe(past), describe(access),
           "is not ordered after it: record an event after the first and make the second's stream wait for it");
  }
  region->remember(access, host_clock_);
}

void OrderChecker::captured(const Capture& capture, const Capture::Node& node) {
  const auto past_of = [](const Access& access) {
    return PastAccess{access.address, access.address + access.bytes, access.write, 0, 0, 0, access.label};
  };
  for (std::size_t i = 0; i < node.ancestors.size(); ++i) {
    if (node.ancestors[i]) continue;
    for (const Access& earlier : capture.nodes[i].operation->accesses) {
      for (const Access& later : node.operation->accesses) {
        const PastAccess first = past_of(earlier);
        const PastAccess second = past_of(later);
        if (!(first.write || second.write) || !first.overlaps(second)) continue;
        report(OrderReport::Kind::kUnorderedAccess, base::concat("in a graph, ", describe(first)), describe(second),
               "is not ordered after it: join the captured streams by an event in between");
      }
    }
  }
}

void OrderChecker::allocated(std::uint64_t address, std::uint64_t bytes) {
  history_.allocate(address, bytes);
}

void OrderChecker::freed_by_host(std::uint64_t address) {
  Region* region = history_.find(address, false);
  if (region == nullptr) return;
  for (const PastAccess& past : region->accesses) {
    if (host_clock_.covers(past.slot, past.position)) continue;
    report(OrderReport::Kind::kFreeWhileInUse, describe(past),
           base::concat("the host frees those ", region->end - region->begin, " bytes"),
           "is not known to come after it: wait for the stream first, or free in stream order; the free's own wait is "
           "no order to rely on");
    break;
  }
  region->accesses.clear();
  region->freed_in_stream = false;
  history_.mark_freed(*region);
}

void OrderChecker::freed_in_stream(std::uint64_t address, const Timeline& timeline) {
  Region* region = history_.find(address, false);
  if (region == nullptr) return;
  region->freed_in_stream = true;
  region->freed_by = in_stream({address, region->end - region->begin, true, "free"}, timeline);
  history_.mark_freed(*region);
}

void OrderChecker::refused_after_free(std::uint64_t address, std::uint64_t bytes, std::string_view label,
                                      std::uint64_t stream_id) {
  const Region* region = history_.find(address, false);
  if (region == nullptr || !region->freed) return;
  const PastAccess access{address, address + bytes, false, 0, 0, stream_id, label};
  report(OrderReport::Kind::kUseAfterFree, base::concat("free of ", region->end - region->begin, " bytes"),
         describe(access), "uses memory after it was freed: free it after its last use, in stream order");
}

void OrderChecker::waited_in_capture(std::string_view call, std::uint64_t stream_id) {
  report(OrderReport::Kind::kWaitInCapture, base::concat("capture in which stream ", stream_id, " takes part"),
         std::string(call), "waits for work that is only being captured: end the capture and launch the graph first");
}

void OrderChecker::report(OrderReport::Kind kind, std::string first, std::string second, const std::string& verdict) {
  std::string message = base::concat(first, "; ", second, ", which ", verdict);
  if (seen_.size() >= kMostReports || !seen_.insert(message).second) return;
  OrderReport report{kind, std::move(first), std::move(second), std::move(message)};
  undelivered_.push_back(report);
  reports_.push_back(std::move(report));
}

std::vector<OrderReport> OrderChecker::take_reports() {
  seen_.clear();
  return std::exchange(reports_, {});
}

}  // namespace etrt::vgpu
