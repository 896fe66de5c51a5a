#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include <cuda/refs.h>
#include <etrt/result.h>
#include <memory/device_heap.h>
#include <memory/stream_ordered_memory.h>

namespace etrt::memory {

/// Scratch memory of the execution contexts of one device (TensorRT: context memory), one piece a stream: what a stream
/// runs, it runs one after the other, so all slots of all handles that run on it share the piece. It grows in stream
/// order, to the largest that was asked for.
///
/// A slot that moves to another stream takes the memory along if it was the last to use it: only its work is known to
/// come before the new stream's, and with it all that used the memory earlier.
/// Threads: safe. Ends only after every Ref.
class ScratchPool final : public IdleMemory {
 public:
  class Ref;

 private:
  struct Piece {
    std::mutex mutex;  ///< held from the choice of an address to the end of the enqueue that uses it
    StreamOrderedMemory memory;
    const Ref* last_user = nullptr;
    std::size_t users = 0;  ///< Refs; guarded by the pool's mutex
  };
  using Pieces = std::map<std::uint64_t, Piece>;  ///< by the stream's id

 public:
  explicit ScratchPool(DeviceHeap& heap) : heap_(heap) { heap.set_idle_memory(*this); }

  /// A slot's share in the piece of the stream that it last ran on. Threads: as its slot. When it ends nothing of the
  /// slot's may be in flight, and the primary context must be current.
  class Ref {
   public:
    Ref() = default;
    Ref(const Ref&) = delete;  // The piece knows its last user by its address.
    Ref& operator=(const Ref&) = delete;
    ~Ref();

    /// The work of the last lease is over when `done`, which was recorded behind it, is: from then on the memory may go
    /// to others who need it. Without this call it stays. The event must outlive the Ref, and be recorded anew only
    /// behind a later lease.
    void used_until(CUevent done) noexcept { done_ = done; }

    /// Leaves the memory to work of the slot that nobody could wait for, if the slot was its last user.
    void abandon() noexcept;

   private:
    friend class ScratchPool;
    StreamOrderedMemory detach() noexcept;

    ScratchPool* pool_ = nullptr;
    Pieces::iterator piece_;
    mutable std::atomic<CUevent> done_{nullptr};
  };

  /// The right to enqueue work that uses the piece; another thread on the same stream waits for its end.
  struct Lease {
    std::unique_lock<std::mutex> lock;
    std::uint64_t address = 0;
  };

  /// An address with room for `bytes`, for work enqueued on `stream` while the lease lives. `ref` moves to the stream's
  /// piece; what the slot ran before is ordered before the stream. At steady state no driver call is made.
  /// After `kOutOfMemory` the ref and the piece serve smaller requests as before.
  Result<Lease> lease(Ref& ref, cuda::StreamRef stream, std::uint64_t stream_id, std::size_t bytes);

  /// Pieces whose last user has said until when, and is done. Never one that a call is about to use.
  bool give_back_idle(cuda::StreamRef stream) noexcept override;

  /// Bytes held. Waits for nobody.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  Pieces::iterator join(std::uint64_t stream_id);
  StreamOrderedMemory take_idle(std::uint64_t& after) noexcept;
  void fill(Piece& piece, StreamOrderedMemory memory) noexcept;
  StreamOrderedMemory empty(Piece& piece) noexcept;
  StreamOrderedMemory take_if_idle(Piece& piece) noexcept;

  DeviceHeap& heap_;
  std::atomic<std::size_t> bytes_{0};
  std::mutex mutex_;
  Pieces pieces_;
};

}  // namespace etrt::memory
