#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace etrt::vgpu {

/// The memory of one virtual device: a range of addresses that the host cannot touch, as on a GPU, and a view of the
/// bytes behind them for the workers. Pages cost memory once they are written.
/// Threads: `view` and the bounds from any; allocation is guarded by the machine's mutex.
class Arena {
 public:
  static constexpr std::size_t kAlignment = 512;

  /// Takes less than `bytes` when the system refuses so large a range.
  explicit Arena(std::size_t bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  std::size_t size() const { return size_; }
  std::size_t free_bytes() const { return free_bytes_; }

  bool contains(std::uint64_t address) const { return address - base_ < size_; }

  /// Where a worker finds the byte at `address`, which the arena contains.
  std::byte* view(std::uint64_t address) const { return view_ + (address - base_); }

  /// Addresses for `bytes`, aligned to `kAlignment`; nothing when no free range is long enough. Goes round the whole
  /// range before it gives an address again, so that a stale pointer keeps pointing at freed memory.
  std::optional<std::uint64_t> allocate(std::size_t bytes);

  /// Takes back what `allocate` gave, and returns whole pages to the system.
  void release(std::uint64_t address, std::size_t bytes);

 private:
  using FreeRanges = std::map<std::uint64_t, std::size_t>;  // offset -> length

  std::uint64_t take(FreeRanges::iterator range, std::uint64_t from, std::size_t bytes);

  std::size_t size_;
  std::uint64_t base_ = 0;
  std::byte* view_ = nullptr;
  std::size_t free_bytes_ = 0;
  std::uint64_t next_ = 0;
  FreeRanges free_;
};

}  // namespace etrt::vgpu
