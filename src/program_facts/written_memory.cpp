#include <algorithm>
#include <iterator>

#include <program_facts/written_memory.h>

namespace etrt::program_facts {

void WrittenMemory::write(const PlannedRange& range) {
  if (range.begin >= range.end) return;
  Ranges& ranges = memories_[range.memory];
  std::uint64_t begin = range.begin;
  std::uint64_t end = range.end;
  auto next = ranges.upper_bound(begin);
  if (next != ranges.begin() && std::prev(next)->second >= begin) --next;
  while (next != ranges.end() && next->first <= end) {
    begin = std::min(begin, next->first);
    end = std::max(end, next->second);
    next = ranges.erase(next);
  }
  ranges.emplace(begin, end);
}

bool WrittenMemory::covers(const PlannedRange& range) const {
  if (range.begin >= range.end) return true;
  const auto memory = memories_.find(range.memory);
  if (memory == memories_.end()) return false;
  const auto next = memory->second.upper_bound(range.begin);
  return next != memory->second.begin() && std::prev(next)->second >= range.end;
}

bool WrittenMemory::covers(const WrittenMemory& other) const {
  for (const auto& [memory, ranges] : other.memories_) {
    for (const auto& [begin, end] : ranges) {
      if (!covers(PlannedRange{memory, begin, end})) return false;
    }
  }
  return std::includes(values_.begin(), values_.end(), other.values_.begin(), other.values_.end());
}

void WrittenMemory::intersect(const WrittenMemory& other) {
  std::map<std::uint32_t, Ranges> common;
  for (const auto& [memory, ranges] : memories_) {
    const auto theirs = other.memories_.find(memory);
    if (theirs == other.memories_.end()) continue;
    auto a = ranges.begin();
    auto b = theirs->second.begin();
    while (a != ranges.end() && b != theirs->second.end()) {
      const std::uint64_t begin = std::max(a->first, b->first);
      const std::uint64_t end = std::min(a->second, b->second);
      if (begin < end) common[memory].emplace(begin, end);
      a->second < b->second ? ++a : ++b;
    }
  }
  memories_ = std::move(common);
  std::erase_if(values_, [&](std::int32_t value) { return !other.values_.contains(value); });
}

}  // namespace etrt::program_facts
