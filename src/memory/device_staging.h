#pragma once

#include <cstddef>
#include <cstdint>

#include <base/try.h>
#include <cuda/refs.h>
#include <etrt/result.h>
#include <memory/alignment.h>
#include <memory/stream_ordered_memory.h>

namespace etrt::memory {

/// Device memory behind one argument that an engine cannot use in place. Grows, never shrinks, and is replaced in
/// stream order, so that growing neither waits nor stalls others; at steady state nothing is allocated. Threads: as the
/// slot that it belongs to. Ends only when no work uses it, with the primary context current.
class DeviceStaging {
 public:
  explicit DeviceStaging(DeviceHeap& heap) : heap_(&heap) {}

  /// An address with room for `bytes`, good for work enqueued on `stream` after this call and ordered after it. The
  /// address of an earlier call holds until one asks for more, whether that gets it or not.
  Result<std::uint64_t> reserve(std::size_t bytes, cuda::StreamRef stream) {
    if (bytes <= memory_.size()) return memory_.get();
    Status grown = memory_.grow(*heap_, with_room_to_grow(bytes), stream);
    if (!grown.ok() && grown.error().code() == ErrorCode::kOutOfMemory) grown = memory_.grow(*heap_, bytes, stream);
    ETRT_TRY(std::move(grown));
    return memory_.get();
  }

  std::size_t capacity() const { return memory_.size(); }

  /// Leaves the memory to work that nobody could wait for.
  void abandon() noexcept { memory_.abandon(); }

 private:
  DeviceHeap* heap_;
  StreamOrderedMemory memory_;
};

}  // namespace etrt::memory
