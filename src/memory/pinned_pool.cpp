#include <algorithm>
#include <cstdint>
#include <new>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <cuda/waits.h>
#include <etrt/options.h>
#include <memory/alignment.h>
#include <memory/pinned_pool.h>

namespace etrt::memory {
namespace {

constexpr std::size_t kSmallest = 4096;

/// How many blocks in device use are asked after in one call, the oldest ones.
constexpr std::size_t kAskedAfter = 4;

/// A block this many times larger than needed is lent only when no other can be had.
constexpr std::size_t kWaste = 4;

}  // namespace

void PinnedPool::set_limit(std::size_t bytes) noexcept {
  budget_.set_limit(bytes);
  is_hard_ = true;
}

/// From cheap to dear: a free block, one that the device has released, a new one; beyond the budget, room that idle
/// blocks make, the block that the device has used longest, those that other calls hold.
Result<PinnedPool::Block> PinnedPool::lend(std::size_t bytes, Holds holds) {
  if (is_hard_ && bytes > budget_.limit()) return beyond_limit(bytes);
  const std::size_t rounded = with_room_to_grow(std::max(bytes, kSmallest));
  const std::size_t wanted = is_hard_ ? std::max(bytes, std::min(rounded, budget_.limit())) : rounded;
  std::optional<Error> refusal;
  Lock lock(mutex_);
  while (true) {
    Pieces piece = take_free(bytes, wanted * kWaste);
    if (piece.empty()) {
      collect_released(kAskedAfter);
      piece = take_free(bytes, wanted * kWaste);
    }
    if (!piece.empty()) return lent(std::move(piece));
    bool grows = !refusal && budget_.take(wanted);
    if (!grows) {
      piece = take_free(bytes, SIZE_MAX);
      if (!piece.empty()) return lent(std::move(piece));
      if (give_back_free(lock)) {
        refusal.reset();
        continue;
      }
      if (wait_for_oldest(lock)) continue;
      if ((is_hard_ || refusal) && wait_for_others(lock, holds)) continue;
      if (refusal) return std::move(*refusal);
      if (is_hard_) return beyond_limit(bytes);
      budget_.take_beyond(wanted);
    }
    auto grown = grow(lock, wanted);
    if (grown.ok() || grown.error().code() != ErrorCode::kOutOfMemory) return grown;
    refusal = std::move(grown).error();
  }
}

/// The smallest free block that holds `bytes`; none where that is larger than `at_most`.
PinnedPool::Pieces PinnedPool::take_free(std::size_t bytes, std::size_t at_most) noexcept {
  auto best = free_.end();
  for (auto piece = free_.begin(); piece != free_.end(); ++piece) {
    if (piece->capacity < bytes || piece->capacity > at_most) continue;
    if (best == free_.end() || piece->capacity < best->capacity) best = piece;
    if (best->capacity / 2 < bytes) break;
  }
  Pieces taken;
  if (best != free_.end()) taken.splice(taken.begin(), free_, best);
  return taken;
}

PinnedPool::Block PinnedPool::lent(Pieces piece) noexcept {
  ++held_;
  return Block(*this, std::move(piece));
}

bool PinnedPool::is_over(const Piece& piece) const noexcept {
  return piece.in_device_use && device_.driver.cuEventQuery(piece.released.get()) == CUDA_SUCCESS;
}

/// Asks after the oldest ones alone, so that a call costs the same however many are in use.
void PinnedPool::collect_released(std::size_t at_most) noexcept {
  if (in_device_use_.empty()) return;
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
  if (!relaxed) return;
  auto next = in_device_use_.begin();
  for (std::size_t asked = 0; asked < at_most && next != in_device_use_.end(); ++asked) {
    const auto piece = next++;
    if (!is_over(*piece)) continue;
    piece->in_device_use = false;
    free_.splice(free_.begin(), in_device_use_, piece);
  }
}

/// Whether there was any.
bool PinnedPool::give_back_free(Lock& lock) noexcept {
  if (free_.empty()) return false;
  Pieces idle;
  idle.swap(free_);
  lock.unlock();
  destroy(std::move(idle));
  lock.lock();
  return true;
}

/// False: the device uses none.
bool PinnedPool::wait_for_oldest(Lock& lock) {
  if (in_device_use_.empty()) {
    if (waited_for_ == 0) return false;
    changed_.wait(lock);
    return true;
  }
  Pieces oldest;
  oldest.splice(oldest.begin(), in_device_use_, in_device_use_.begin());
  ++waited_for_;
  lock.unlock();
  const bool over = cuda::wait_for_event(device_, oldest.front().released.get());
  lock.lock();
  --waited_for_;
  if (over) {
    oldest.front().in_device_use = false;
    free_.splice(free_.begin(), oldest);
  } else {
    abandoned_bytes_ += oldest.front().capacity;
    oldest.front().is_lost = true;
    abandoned_.splice(abandoned_.begin(), oldest);
  }
  changed_.notify_all();
  return true;
}

bool PinnedPool::wait_for_others(Lock& lock, Holds holds) {
  if (holds == Holds::kABlock || held_ == 0) return false;
  changed_.wait(lock);
  return true;
}

/// The bytes are in the budget already.
Result<PinnedPool::Block> PinnedPool::grow(Lock& lock, std::size_t bytes) {
  lock.unlock();
  auto made = make(device_, source_, bytes);
  lock.lock();
  if (made.ok()) return lent(std::move(made).value());
  budget_.give_back(bytes);
  changed_.notify_all();
  return std::move(made).error();
}

Result<PinnedPool::Pieces> PinnedPool::make(const cuda::Device& device, Source& source, std::size_t bytes) {
  try {
    ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
    ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device.driver));
    Pieces piece(1);
    ETRT_TRY_ASSIGN(piece.front().released, cuda::create_event(device.driver));
    ETRT_TRY_ASSIGN(piece.front().memory, source.allocate_pinned(bytes));
    piece.front().capacity = bytes;
    return piece;
  } catch (const std::bad_alloc&) {
    // An error like any other: the budget must not go with it.
    return Error(ErrorCode::kOutOfMemory, "the host is out of memory");
  }
}

Error PinnedPool::beyond_limit(std::size_t bytes) const {
  return Error(ErrorCode::kOutOfMemory,
               base::concat("a call needs ", bytes, " bytes of pinned memory for staging on ", device_.label,
                            ", and option '", kOptionPinnedMemoryLimit, "' is ", budget_.limit(), " bytes, of which ",
                            budget_.used(), " are in use: raise it, or give the program tensors on the device"));
}

/// What nothing uses any more.
void PinnedPool::destroy(Pieces pieces) noexcept {
  if (pieces.empty()) return;
  const auto scope = cuda::CurrentContext::push(device_.driver, device_.primary);
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
  while (!pieces.empty()) {
    const std::size_t bytes = pieces.front().capacity;
    if (relaxed && source_.deallocate_pinned(pieces.front().memory, bytes)) {
      pieces.pop_front();
      budget_.give_back(bytes);
      continue;
    }
    const std::lock_guard lock(mutex_);
    abandoned_bytes_ += bytes;
    abandoned_.splice(abandoned_.begin(), pieces, pieces.begin());
  }
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void PinnedPool::trim() noexcept {
  Pieces idle;
  {
    const std::lock_guard lock(mutex_);
    collect_released(SIZE_MAX);
    idle.swap(free_);
    const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
    for (auto next = abandoned_.begin(); next != abandoned_.end();) {
      const auto piece = next++;
      if (piece->is_lost && !(relaxed && is_over(*piece))) continue;
      abandoned_bytes_ -= piece->capacity;
      idle.splice(idle.begin(), abandoned_, piece);
    }
  }
  destroy(std::move(idle));
}

void PinnedPool::take_back(Pieces& piece, bool is_kept) noexcept {
  const std::lock_guard lock(mutex_);
  if (!is_kept) --held_;
  if (piece.front().is_lost) {
    abandoned_bytes_ += piece.front().capacity;
    abandoned_.splice(abandoned_.begin(), piece);
  } else if (piece.front().in_device_use) {
    in_device_use_.splice(in_device_use_.end(), piece);
  } else {
    free_.splice(free_.begin(), piece);
  }
  changed_.notify_all();
}

PinnedPool::Block::~Block() {
  if (pool_ != nullptr) pool_->take_back(piece_, is_kept_);
}

Status PinnedPool::Block::release_after(cuda::StreamRef stream) {
  const cuda::Device& device = pool_->device_;
  Status recorded = cuda::check(device.driver, device.driver.cuEventRecord(piece_.front().released.get(), stream.get()),
                                "cuEventRecord");
  piece_.front().in_device_use = recorded.ok();
  if (!recorded.ok() && !cuda::wait_for_stream(device, stream)) abandon();
  return recorded;
}

void PinnedPool::Block::keep() noexcept {
  if (std::exchange(is_kept_, true)) return;
  const std::lock_guard lock(pool_->mutex_);
  --pool_->held_;
  pool_->changed_.notify_all();
}

void PinnedPool::Block::abandon() noexcept {
  if (pool_ != nullptr) piece_.front().is_lost = true;
}

}  // namespace etrt::memory
