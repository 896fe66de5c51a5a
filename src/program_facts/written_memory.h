#pragma once

#include <cstdint>
#include <map>
#include <set>

namespace etrt::program_facts {

/// Where a tensor is planned: bytes of one of the memories of a method.
struct PlannedRange {
  std::uint32_t memory;
  std::uint64_t begin;
  std::uint64_t end;
};

/// What a call has surely written so far: bytes of planned memory, whichever tensor they belonged to then (tensors
/// share memory one after the other, and views lie over what they show), and values known by their index.
class WrittenMemory {
 public:
  void write(const PlannedRange& range);
  void write(std::int32_t value) { values_.insert(value); }

  bool covers(const PlannedRange& range) const;
  bool covers(std::int32_t value) const { return values_.contains(value); }
  bool covers(const WrittenMemory& other) const;

  /// Keeps what both have written.
  void intersect(const WrittenMemory& other);

 private:
  using Ranges = std::map<std::uint64_t, std::uint64_t>;  ///< disjoint, begin to end

  std::map<std::uint32_t, Ranges> memories_;
  std::set<std::int32_t> values_;
};

}  // namespace etrt::program_facts
