#include <algorithm>
#include <bit>
#include <memory/pinned_pool.h>

#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>

namespace etrt::memory {

bool PinnedPool::is_free(Slot& slot) const {
  if (slot.lent) return false;
  if (slot.in_device_use && device_.driver.cuEventQuery(slot.released.get()) == CUDA_SUCCESS) {
    slot.in_device_use = false;
  }
  return !slot.in_device_use;
}

Status PinnedPool::grow(Slot& slot, std::size_t bytes) const {
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device_.driver, device_.primary));
  if (!slot.released) {
    ETRT_TRY_ASSIGN(slot.released, cuda::create_event(device_.driver));
  }
  const std::size_t wanted = std::bit_ceil(std::max<std::size_t>(bytes, 4096));
  ETRT_TRY_ASSIGN(slot.memory, cuda::create_pinned_memory(device_.driver, wanted));
  slot.capacity = wanted;
  return {};
}

Result<PinnedPool::Block> PinnedPool::lend(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const cuda::RelaxedCapture relaxed(device_.driver);
  Slot* too_small = nullptr;
  for (const auto& slot : slots_) {
    if (!is_free(*slot)) continue;
    if (slot->capacity >= bytes) {
      slot->lent = true;
      return Block(*this, *slot);
    }
    too_small = slot.get();
  }
  if (too_small == nullptr) {
    slots_.push_back(std::make_unique<Slot>());
    too_small = slots_.back().get();
  }
  ETRT_TRY(grow(*too_small, bytes));
  too_small->lent = true;
  return Block(*this, *too_small);
}

void PinnedPool::clear() noexcept {
  const std::lock_guard lock(mutex_);
  const cuda::RelaxedCapture relaxed(device_.driver);
  for (const auto& slot : slots_) {
    if (slot->in_device_use) static_cast<void>(device_.driver.cuEventSynchronize(slot->released.get()));
  }
  slots_.clear();
}

std::size_t PinnedPool::total_bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (const auto& slot : slots_) total += slot->capacity;
  return total;
}

PinnedPool::Block::~Block() {
  if (pool_ == nullptr) return;
  const std::lock_guard lock(pool_->mutex_);
  slot_->lent = false;
}

Status PinnedPool::Block::release_after(cuda::StreamRef stream) {
  const cuda::Driver& driver = pool_->device_.driver;
  ETRT_TRY(cuda::check(driver, driver.cuEventRecord(slot_->released.get(), stream.get()), "cuEventRecord"));
  slot_->in_device_use = true;
  return {};
}

}  // namespace etrt::memory
