#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace etrt::vgpu {

/// For each timeline (by slot), up to which position its operations are known to come before. Storage is reused, so a
/// clock that has reached its size allocates no more.
/// Threads: like a value.
class VectorClock {
 public:
  std::uint64_t at(std::size_t slot) const { return slot < positions_.size() ? positions_[slot] : 0; }

  bool covers(std::size_t slot, std::uint64_t position) const { return at(slot) >= position; }

  void set(std::size_t slot, std::uint64_t position) {
    if (slot >= positions_.size()) positions_.resize(slot + 1, 0);
    positions_[slot] = position;
  }

  void merge(const VectorClock& other) {
    if (other.positions_.size() > positions_.size()) positions_.resize(other.positions_.size(), 0);
    for (std::size_t slot = 0; slot < other.positions_.size(); ++slot) {
      positions_[slot] = std::max(positions_[slot], other.positions_[slot]);
    }
  }

 private:
  std::vector<std::uint64_t> positions_;
};

}  // namespace etrt::vgpu
