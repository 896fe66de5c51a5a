#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>

#include <cuda.h>

namespace etrt::vgpu {

struct FreeHostMemory {
  void operator()(void* memory) const { std::free(memory); }
};

/// One device or pinned allocation.
struct Allocation {
  std::uint64_t address = 0;
  std::size_t bytes = 0;
  int device = 0;
  bool pinned = false;
  bool stream_ordered = false;  ///< from cuMemAllocAsync
  bool freed = false;           ///< cuMemFreeAsync was called; its operation has not run yet
  std::uint64_t id = 0;
  std::unique_ptr<void, FreeHostMemory> host;  ///< the bytes of a pinned allocation

  bool holds(std::uint64_t from, std::size_t length) const {
    return from >= address && from - address <= bytes && length <= bytes - (from - address);
  }
};

/// Every allocation of a virtual GPU, by address.
/// Threads: guarded by the machine's mutex.
class MemoryMap {
 public:
  Allocation& insert(Allocation allocation) {
    allocation.id = ++ids_;
    const std::uint64_t address = allocation.address;
    return allocations_.insert_or_assign(address, std::move(allocation)).first->second;
  }

  void erase(std::uint64_t address) { allocations_.erase(address); }

  /// The allocation that starts at `address`.
  Allocation* starting_at(std::uint64_t address) {
    const auto found = allocations_.find(address);
    return found == allocations_.end() ? nullptr : &found->second;
  }

  /// The allocation that `address` lies in.
  Allocation* around(std::uint64_t address) {
    auto after = allocations_.upper_bound(address);
    if (after == allocations_.begin()) return nullptr;
    Allocation& before = std::prev(after)->second;
    return address - before.address < before.bytes ? &before : nullptr;
  }

  std::map<std::uint64_t, Allocation>& all() { return allocations_; }
  const std::map<std::uint64_t, Allocation>& all() const { return allocations_; }

 private:
  std::map<std::uint64_t, Allocation> allocations_;
  std::uint64_t ids_ = 0;
};

}  // namespace etrt::vgpu
