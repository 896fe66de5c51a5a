#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string_view>
#include <vector>

#include <vgpu/vector_clock.h>

namespace etrt::vgpu {

/// One access of one operation, as the order checker remembers it.
struct PastAccess {
  std::uint64_t begin;
  std::uint64_t end;
  bool write;
  std::size_t slot;  ///< of the stream's timeline
  std::uint64_t position;
  std::uint64_t stream_id;
  std::string_view label;

  bool overlaps(const PastAccess& other) const { return begin < other.end && other.begin < end; }
};

/// What is remembered of one allocation.
struct Region {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::vector<PastAccess> accesses;
  bool freed = false;
  bool freed_in_stream = false;  ///< by cuMemFreeAsync, as `freed_by`; else by the host
  PastAccess freed_by{};

  /// Adds `access`; forgets those of the same stream that it stands for, and those that `known` says every later
  /// operation comes after.
  void remember(const PastAccess& access, const VectorClock& known);
};

/// The accesses that a later operation could still conflict with, by allocation. Bounded: an access is dropped once the
/// host has waited for it or a later one of its stream stands for it.
/// Threads: guarded by the machine's mutex.
class AccessHistory {
 public:
  void allocate(std::uint64_t address, std::uint64_t bytes);

  /// The region stays, marked as freed, until its addresses are given again or many others were freed after it.
  void mark_freed(Region& region);

  void forget(std::uint64_t address) { regions_.erase(address); }

  /// The region around `address`; pageable host memory is one region of its own. Null: device memory never allocated.
  Region* find(std::uint64_t address, bool pageable);

 private:
  static constexpr std::size_t kFreedRegions = 1024;

  std::map<std::uint64_t, Region> regions_;
  std::deque<std::uint64_t> freed_;
  Region pageable_{0, ~std::uint64_t{0}, {}, false, false, {}};
};

}  // namespace etrt::vgpu
