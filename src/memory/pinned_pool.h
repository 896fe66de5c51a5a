#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::memory {

/// Pinned host memory for staging copies. A block is lent to one call; the device may go on reading it after the call
/// returned, and it is lent again once it no longer does. The pool grows when every block is busy rather than make a
/// caller wait: how far the host runs ahead of the device bounds it.
/// Threads: safe. Blocks must be back, and the device done with them, before the pool ends.
class PinnedPool {
 public:
  explicit PinnedPool(const cuda::Device& device) : device_(device) {}

  class Block;

  /// A block of at least `bytes`.
  Result<Block> lend(std::size_t bytes);

  /// Frees every block, once the device is done with it; none may be lent.
  void clear() noexcept;

  std::size_t total_bytes() const;

 private:
  struct Slot {
    cuda::PinnedMemory memory;
    std::size_t capacity = 0;
    cuda::Event released;  ///< recorded behind the last device use
    bool in_device_use = false;
    bool lent = false;
  };

  /// Whether the slot can be lent now. Never blocks.
  bool is_free(Slot& slot) const;
  Status grow(Slot& slot, std::size_t bytes) const;

  const cuda::Device& device_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Slot>> slots_;
};

/// A lent block; goes back when it ends. Empty when default-constructed or moved from.
class PinnedPool::Block {
 public:
  Block() = default;
  Block(PinnedPool& pool, Slot& slot) : pool_(&pool), slot_(&slot) {}
  Block(Block&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), slot_(other.slot_) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(slot_, other.slot_);
    return *this;
  }
  ~Block();

  explicit operator bool() const { return pool_ != nullptr; }
  std::byte* data() const { return static_cast<std::byte*>(slot_->memory.get()); }

  /// The device uses the block up to this point of the stream's work; it is lent again only after.
  Status release_after(cuda::StreamRef stream);

 private:
  PinnedPool* pool_ = nullptr;
  Slot* slot_ = nullptr;
};

}  // namespace etrt::memory
