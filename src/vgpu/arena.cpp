#include <algorithm>
#include <new>
#include <sys/mman.h>

#include <vgpu/arena.h>

namespace etrt::vgpu {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSmallest = std::size_t{1} << 20;

constexpr std::size_t round_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

void* map(std::size_t bytes, int protection) {
  void* address = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return address == MAP_FAILED ? nullptr : address;
}

}  // namespace

Arena::Arena(std::size_t bytes) : size_(std::max(round_up(bytes, kPage), kSmallest)) {
  while (view_ == nullptr) {
    void* addresses = map(size_, PROT_NONE);
    void* view = map(size_, PROT_READ | PROT_WRITE);
    if (addresses != nullptr && view != nullptr) {
      base_ = reinterpret_cast<std::uint64_t>(addresses);
      view_ = static_cast<std::byte*>(view);
      break;
    }
    if (addresses != nullptr) munmap(addresses, size_);
    if (view != nullptr) munmap(view, size_);
    if (size_ <= kSmallest) throw std::bad_alloc();
    size_ = std::max(round_up(size_ / 2, kPage), kSmallest);
  }
  free_.emplace(0, size_);
  free_bytes_ = size_;
}

Arena::~Arena() {
  munmap(reinterpret_cast<void*>(base_), size_);
  munmap(view_, size_);
}

std::optional<std::uint64_t> Arena::allocate(std::size_t bytes) {
  if (bytes == 0 || bytes > size_) return std::nullopt;
  const std::size_t length = round_up(bytes, kAlignment);
  auto holding = free_.upper_bound(next_);
  if (holding != free_.begin()) {
    const auto range = std::prev(holding);
    const std::uint64_t from = std::max(range->first, next_);
    if (range->first + range->second >= from + length) return base_ + take(range, from, length);
  }
  for (auto range = holding; range != free_.end(); ++range) {
    if (range->second >= length) return base_ + take(range, range->first, length);
  }
  for (auto range = free_.begin(); range != holding; ++range) {
    if (range->second >= length) return base_ + take(range, range->first, length);
  }
  return std::nullopt;
}

std::uint64_t Arena::take(FreeRanges::iterator range, std::uint64_t from, std::size_t bytes) {
  const std::uint64_t begin = range->first;
  const std::uint64_t end = begin + range->second;
  free_.erase(range);
  if (from > begin) free_.emplace(begin, from - begin);
  if (end > from + bytes) free_.emplace(from + bytes, end - from - bytes);
  free_bytes_ -= bytes;
  next_ = from + bytes;
  return from;
}

void Arena::release(std::uint64_t address, std::size_t bytes) {
  std::uint64_t begin = address - base_;
  std::uint64_t end = begin + round_up(bytes, kAlignment);
  const std::uint64_t page_begin = begin / kPage * kPage;
  const std::uint64_t page_end = round_up(end, kPage);
  free_bytes_ += end - begin;

  auto after = free_.lower_bound(begin);
  if (after != free_.end() && after->first == end) {
    end += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == begin) {
      begin = before->first;
      free_.erase(before);
    }
  }
  free_.emplace(begin, end - begin);

  // Pages shared with a neighbour stay; those of the hole that this release completed go.
  const std::uint64_t first = std::max(page_begin, round_up(begin, kPage));
  const std::uint64_t last = std::min(page_end, end / kPage * kPage);
  if (last > first) madvise(view_ + first, last - first, MADV_DONTNEED);
}

}  // namespace etrt::vgpu
