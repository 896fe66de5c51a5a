#include <memory/scratch_pool.h>
#include <utility>

#include <base/try.h>
#include <cuda/relaxed_capture.h>

namespace etrt::memory {

ScratchPool::Ref::~Ref() {
  static_cast<void>(leave());
}

/// Gives up the share, and returns the memory if this was its last user.
StreamOrderedMemory ScratchPool::Ref::leave() noexcept {
  StreamOrderedMemory taken;
  if (pool_ == nullptr) return taken;
  Piece& piece = piece_->second;
  {
    // Before the pool's mutex: an enqueue that waits for the device holds this one, and must hold up its stream alone.
    const std::lock_guard lock(piece.mutex);
    if (piece.last_user == this) {
      taken = std::move(piece.memory);
      piece.bytes = 0;
      piece.last_user = nullptr;
    }
  }
  const std::lock_guard lock(pool_->mutex_);
  if (--piece.users == 0) pool_->pieces_.erase(piece_);
  pool_ = nullptr;
  return taken;
}

void ScratchPool::Ref::join(ScratchPool& pool, const Key& key) {
  const std::lock_guard lock(pool.mutex_);
  piece_ = pool.pieces_.try_emplace(key).first;
  ++piece_->second.users;
  pool_ = &pool;
}

Result<ScratchPool::Lease> ScratchPool::lease(Ref& ref, const cuda::Device& device, cuda::StreamRef stream,
                                              std::uint64_t stream_id, std::size_t bytes) {
  const Key key{&device.driver, device.ordinal, stream_id};
  StreamOrderedMemory other;
  if (ref.pool_ == nullptr || ref.piece_->first != key) {
    other = ref.leave();
    ref.join(*this, key);
  }
  Piece& piece = ref.piece_->second;
  Lease lease{std::unique_lock(piece.mutex), 0};
  piece.last_user = &ref;
  if (other.size() > piece.memory.size()) std::swap(other, piece.memory);
  piece.bytes = piece.memory.size();
  if (other.size() > 0 || bytes > piece.memory.size()) {
    const cuda::RelaxedCapture relaxed(device.driver);
    other.free_on(stream);
    if (bytes > piece.memory.size()) {
      ETRT_TRY_ASSIGN(auto grown, StreamOrderedMemory::create(device.driver, bytes, stream));
      std::swap(piece.memory, grown);
      grown.free_on(stream);
    }
  }
  piece.bytes = piece.memory.size();
  lease.address = piece.memory.get();
  return lease;
}

std::size_t ScratchPool::bytes(const cuda::Device& device) {
  const std::lock_guard lock(mutex_);
  std::size_t total = 0;
  for (auto& [key, piece] : pieces_) {
    if (key.driver != &device.driver || key.device != device.ordinal) continue;
    total += piece.bytes;
  }
  return total;
}

}  // namespace etrt::memory
