#include <algorithm>
#include <iterator>

#include <vgpu/access_history.h>

namespace etrt::vgpu {
namespace {

constexpr std::size_t kAccessesPerRegion = 4096;

}  // namespace

void Region::remember(const PastAccess& access, const VectorClock& known) {
  std::erase_if(accesses, [&](const PastAccess& past) {
    const bool stood_for = past.slot == access.slot && past.begin >= access.begin && past.end <= access.end &&
                           (access.write || !past.write);
    return stood_for || known.covers(past.slot, past.position);
  });
  if (accesses.size() >= kAccessesPerRegion)
    accesses.erase(accesses.begin(), accesses.begin() + kAccessesPerRegion / 2);
  accesses.push_back(access);
}

void AccessHistory::allocate(std::uint64_t address, std::uint64_t bytes) {
  const std::uint64_t end = address + bytes;
  auto region = regions_.lower_bound(address);
  if (region != regions_.begin() && std::prev(region)->second.end > address) --region;
  while (region != regions_.end() && region->second.begin < end) region = regions_.erase(region);
  regions_.emplace(address, Region{address, end, {}, false, false, {}});
}

void AccessHistory::mark_freed(Region& region) {
  region.freed = true;
  freed_.push_back(region.begin);
  if (freed_.size() <= kFreedRegions) return;
  const auto oldest = regions_.find(freed_.front());
  freed_.pop_front();
  if (oldest != regions_.end() && oldest->second.freed) regions_.erase(oldest);
}

Region* AccessHistory::find(std::uint64_t address, bool pageable) {
  if (pageable) return &pageable_;
  auto after = regions_.upper_bound(address);
  if (after == regions_.begin()) return nullptr;
  Region& region = std::prev(after)->second;
  return address < region.end ? &region : nullptr;
}

}  // namespace etrt::vgpu
