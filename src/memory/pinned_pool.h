#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <cuda/refs.h>
#include <etrt/result.h>
#include <memory/budget.h>
#include <memory/source.h>

namespace etrt::memory {

/// Pinned host memory for the staging copies of one device. A block is lent to one call; the device may go on reading
/// it after the call returned, and it is lent again once it no longer does.
///
/// The pool grows while its budget lasts. Then it gives back idle blocks that are too small, and then `lend` waits on
/// the host for the block that the device has used longest: a producer that is faster than the device is held up there.
/// Without a limit of the application's the budget is soft: what calls hold at the same time is given beyond it.
/// Threads: safe. No lock is held while memory is allocated, freed or waited for. Device and source must outlive it,
/// and it every block and the device's use of them.
class PinnedPool {
 public:
  static constexpr std::size_t kSoftLimit = std::size_t{64} << 20;

  PinnedPool(const cuda::Device& device, Source& source) : device_(device), source_(source) {}
  PinnedPool(const PinnedPool&) = delete;
  PinnedPool& operator=(const PinnedPool&) = delete;
  /// Gives back what is idle; what is not stays with the device.
  ~PinnedPool() { trim(); }

  class Block;

  /// What the caller has of this pool already. Who holds a block never waits for blocks that other calls hold: they may
  /// be waiting for his.
  enum class Holds { kNothing, kABlock };

  /// A block of at least `bytes`. `kOutOfMemory` where the limit, with its numbers, or the source allows none.
  Result<Block> lend(std::size_t bytes, Holds holds = Holds::kNothing);

  /// The limit is hard from now on.
  void set_limit(std::size_t bytes) noexcept;

  /// Gives idle blocks back to the source. Waits for nothing.
  void trim() noexcept;

  std::size_t bytes() const noexcept { return budget_.used(); }
  std::size_t limit() const noexcept { return budget_.limit(); }
  bool has_hard_limit() const noexcept { return is_hard_; }
  std::size_t abandoned_bytes() const noexcept { return abandoned_bytes_; }

 private:
  struct Piece {
    void* memory = nullptr;
    std::size_t capacity = 0;
    cuda::Event released;        ///< recorded behind the last device use
    bool in_device_use = false;  ///< until `released`
    bool is_lost = false;        ///< work that nobody could wait for may use it
  };
  /// Pieces move between lists, which allocates nothing.
  using Pieces = std::list<Piece>;
  using Lock = std::unique_lock<std::mutex>;

  static Result<Pieces> make(const cuda::Device& device, Source& source, std::size_t bytes);
  Pieces take_free(std::size_t bytes, std::size_t at_most) noexcept;
  void collect_released(std::size_t at_most) noexcept;
  bool give_back_free(Lock& lock) noexcept;
  bool wait_for_oldest(Lock& lock);
  bool wait_for_others(Lock& lock, Holds holds);
  Result<Block> grow(Lock& lock, std::size_t bytes);
  Block lent(Pieces piece) noexcept;
  Error beyond_limit(std::size_t bytes) const;
  bool is_over(const Piece& piece) const noexcept;
  void destroy(Pieces pieces) noexcept;
  void take_back(Pieces& piece, bool is_kept) noexcept;

  const cuda::Device& device_;
  Source& source_;
  Budget budget_{kSoftLimit};
  std::atomic<bool> is_hard_{false};
  std::atomic<std::size_t> abandoned_bytes_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  Pieces free_;
  Pieces in_device_use_;  ///< in the order in which they were released
  Pieces abandoned_;
  std::size_t held_ = 0;        ///< by calls in progress
  std::size_t waited_for_ = 0;  ///< taken from `in_device_use_` by a thread that waits for the device
};

/// A lent block; goes back when it ends. Empty when default-constructed or moved from.
class PinnedPool::Block {
 public:
  Block() = default;
  Block(Block&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        piece_(std::move(other.piece_)),
        is_kept_(std::exchange(other.is_kept_, false)) {}
  Block& operator=(Block&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(piece_, other.piece_);
    std::swap(is_kept_, other.is_kept_);
    return *this;
  }
  ~Block();

  explicit operator bool() const { return pool_ != nullptr; }
  std::byte* data() const { return static_cast<std::byte*>(piece_.front().memory); }
  std::size_t capacity() const { return piece_.front().capacity; }

  /// The device uses the block up to this point of the stream's work; it is lent again only after. On error the work is
  /// waited for, and the block abandoned where that fails.
  Status release_after(cuda::StreamRef stream);

  /// The block is held beyond the call, as a graph's is: nobody waits for it.
  void keep() noexcept;

  /// Leaves the block to work that nobody could wait for: it is counted, and never lent or freed.
  void abandon() noexcept;

 private:
  friend class PinnedPool;
  Block(PinnedPool& pool, Pieces piece) : pool_(&pool), piece_(std::move(piece)) {}

  PinnedPool* pool_ = nullptr;
  Pieces piece_;  ///< one
  bool is_kept_ = false;
};

}  // namespace etrt::memory
