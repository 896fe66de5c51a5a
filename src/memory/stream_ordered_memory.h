#pragma once

#include <cstddef>
#include <utility>

#include <cuda/refs.h>
#include <etrt/result.h>
#include <memory/device_heap.h>

namespace etrt::memory {

/// Device memory that comes and goes in stream order. Unlike cuMemFree, giving it back waits for nothing and stalls no
/// other tenant of the GPU.
/// Threads: like a unique_ptr. The heap must outlive it.
class StreamOrderedMemory {
 public:
  StreamOrderedMemory() = default;

  /// Memory for work enqueued on `stream` after this call, and for whatever is ordered after that.
  static Result<StreamOrderedMemory> create(DeviceHeap& heap, std::size_t bytes, cuda::StreamRef stream);

  /// Memory for work on any stream, a graph's too. No stream of the caller's is touched, which may be in a capture.
  static Result<StreamOrderedMemory> create_for_any_stream(DeviceHeap& heap, std::size_t bytes);

  StreamOrderedMemory(StreamOrderedMemory&& other) noexcept
      : heap_(std::exchange(other.heap_, nullptr)), address_(other.address_), bytes_(other.bytes_) {}
  StreamOrderedMemory& operator=(StreamOrderedMemory&& other) noexcept {
    std::swap(heap_, other.heap_);
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  /// No work that uses it may be in flight, and the primary context must be current: it is freed on the per-thread
  /// stream.
  ~StreamOrderedMemory();

  CUdeviceptr get() const noexcept { return heap_ != nullptr ? address_ : 0; }
  std::size_t size() const noexcept { return heap_ != nullptr ? bytes_ : 0; }

  /// Becomes memory of `bytes`, with nothing in it, in the order of `stream`. The old goes first, so that both are
  /// never needed at once. After an error it is as large as before, or empty where not even that could be had again.
  Status grow(DeviceHeap& heap, std::size_t bytes, cuda::StreamRef stream);

  /// Frees it in the order of `stream`, behind all work enqueued there.
  void free_on(cuda::StreamRef stream) noexcept;

  /// Leaves it to work that nobody could wait for.
  void abandon() noexcept;

 private:
  StreamOrderedMemory(DeviceHeap& heap, CUdeviceptr address, std::size_t bytes)
      : heap_(&heap), address_(address), bytes_(bytes) {}

  DeviceHeap* heap_ = nullptr;
  CUdeviceptr address_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace etrt::memory
