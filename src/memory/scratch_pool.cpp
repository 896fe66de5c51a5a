#include <utility>

#include <base/try.h>
#include <cuda/relaxed_capture.h>
#include <memory/scratch_pool.h>

namespace etrt::memory {

ScratchPool::Ref::~Ref() {
  static_cast<void>(detach());
}

void ScratchPool::Ref::abandon() noexcept {
  detach().abandon();
}

/// Gives up the share, and returns the memory if this was its last user.
StreamOrderedMemory ScratchPool::Ref::detach() noexcept {
  StreamOrderedMemory taken;
  if (pool_ == nullptr) return taken;
  Piece& piece = piece_->second;
  {
    // Before the pool's mutex: an enqueue that waits for the device holds this one, and must hold up its stream alone.
    const std::lock_guard lock(piece.mutex);
    if (piece.last_user == this) {
      taken = pool_->empty(piece);
      piece.last_user = nullptr;
    }
  }
  const std::lock_guard lock(pool_->mutex_);
  if (--piece.users == 0) pool_->pieces_.erase(piece_);
  pool_ = nullptr;
  return taken;
}

ScratchPool::Pieces::iterator ScratchPool::join(std::uint64_t stream_id) {
  const std::lock_guard lock(mutex_);
  const auto piece = pieces_.try_emplace(stream_id).first;
  ++piece->second.users;
  return piece;
}

Result<ScratchPool::Lease> ScratchPool::lease(Ref& ref, cuda::StreamRef stream, std::uint64_t stream_id,
                                              std::size_t bytes) {
  StreamOrderedMemory other;
  if (ref.pool_ == nullptr || ref.piece_->first != stream_id) {
    const auto joined = join(stream_id);
    other = ref.detach();
    ref.pool_ = this;
    ref.piece_ = joined;
  }
  Piece& piece = ref.piece_->second;
  Lease lease{std::unique_lock(piece.mutex), 0};
  ref.done_ = nullptr;
  piece.last_user = &ref;
  if (other.size() > piece.memory.size()) {
    StreamOrderedMemory smaller = empty(piece);
    fill(piece, std::move(other));
    other = std::move(smaller);
  }
  other.free_on(stream);
  if (bytes > piece.memory.size()) {
    StreamOrderedMemory memory = empty(piece);
    Status grown = memory.grow(heap_, bytes, stream);
    fill(piece, std::move(memory));
    ETRT_TRY(std::move(grown));
  }
  lease.address = piece.memory.get();
  return lease;
}

bool ScratchPool::give_back_idle(cuda::StreamRef stream) noexcept {
  bool found = false;
  std::uint64_t after = 0;
  while (true) {
    StreamOrderedMemory idle = take_idle(after);
    if (idle.size() == 0) return found;
    idle.free_on(stream);
    found = true;
  }
}

/// Of the first such piece behind `after`, which moves on to it; empty when there is none.
StreamOrderedMemory ScratchPool::take_idle(std::uint64_t& after) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto next = pieces_.upper_bound(after); next != pieces_.end(); ++next) {
    after = next->first;
    // Not to be had: a call is about to use it.
    const std::unique_lock use(next->second.mutex, std::try_to_lock);
    if (!use.owns_lock()) continue;
    StreamOrderedMemory idle = take_if_idle(next->second);
    if (idle.size() > 0) return idle;
  }
  return {};
}

StreamOrderedMemory ScratchPool::take_if_idle(Piece& piece) noexcept {
  if (piece.last_user == nullptr || piece.memory.size() == 0) return {};
  const CUevent done = piece.last_user->done_;
  if (done == nullptr) return {};
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(heap_.device().driver);
  if (!relaxed || heap_.device().driver.cuEventQuery(done) != CUDA_SUCCESS) return {};
  return empty(piece);
}

void ScratchPool::fill(Piece& piece, StreamOrderedMemory memory) noexcept {
  bytes_ += memory.size();
  piece.memory = std::move(memory);
}

StreamOrderedMemory ScratchPool::empty(Piece& piece) noexcept {
  bytes_ -= piece.memory.size();
  return std::exchange(piece.memory, StreamOrderedMemory());
}

}  // namespace etrt::memory
