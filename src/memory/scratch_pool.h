#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory/stream_ordered_memory.h>
#include <mutex>

#include <cuda/device.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::memory {

/// Scratch memory of execution contexts (TensorRT: context memory), one piece a stream: what a stream runs, it runs one
/// after the other, so all lanes of all handles that run on it share the piece. It grows in stream order, to the
/// largest that was asked for.
///
/// A lane that moves to another stream takes the memory along if it was the last to use it: only its work is known to
/// come before the new stream's, and with it all that used the memory earlier.
/// Threads: safe. Ends only after every Ref.
class ScratchPool {
 public:
  class Ref;

 private:
  struct Piece {
    std::mutex mutex;  ///< held from the choice of an address to the end of the enqueue that uses it
    StreamOrderedMemory memory;
    std::atomic<std::size_t> bytes{0};  ///< of the memory; read without the mutex, which an enqueue may hold for long
    const Ref* last_user = nullptr;
    std::size_t users = 0;  ///< Refs; guarded by the pool's mutex
  };
  struct Key {
    const cuda::Driver* driver;
    int device;
    std::uint64_t stream_id;
    auto operator<=>(const Key&) const = default;
  };
  using Pieces = std::map<Key, Piece>;

 public:
  /// A lane's share in the piece of the stream that it last ran on. Threads: as its lane. When it ends nothing of the
  /// lane's may be in flight, and the primary context must be current.
  class Ref {
   public:
    Ref() = default;
    Ref(const Ref&) = delete;  // The piece knows its last user by its address.
    Ref& operator=(const Ref&) = delete;
    ~Ref();

   private:
    friend class ScratchPool;
    StreamOrderedMemory leave() noexcept;
    void join(ScratchPool& pool, const Key& key);

    ScratchPool* pool_ = nullptr;
    Pieces::iterator piece_;
  };

  /// The right to enqueue work that uses the piece; another thread on the same stream waits for its end.
  struct Lease {
    std::unique_lock<std::mutex> lock;
    std::uint64_t address = 0;
  };

  /// An address with room for `bytes`, for work enqueued on `stream` while the lease lives. `ref` moves to the stream's
  /// piece; what the lane ran before is ordered before the stream. At steady state no driver call is made.
  Result<Lease> lease(Ref& ref, const cuda::Device& device, cuda::StreamRef stream, std::uint64_t stream_id,
                      std::size_t bytes);

  /// Bytes held for a device.
  std::size_t bytes(const cuda::Device& device);

 private:
  std::mutex mutex_;
  Pieces pieces_;
};

}  // namespace etrt::memory
