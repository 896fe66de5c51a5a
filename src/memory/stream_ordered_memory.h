#pragma once

#include <cstddef>
#include <utility>

#include <cuda/driver.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::memory {

/// Device memory from the stream-ordered allocator. Unlike cuMemFree, giving it back waits for nothing and stalls no
/// other tenant of the GPU.
/// Threads: like a unique_ptr. The table must outlive it.
class StreamOrderedMemory {
 public:
  StreamOrderedMemory() = default;

  /// Memory for work enqueued on `stream` after this call, and for whatever is ordered after that.
  static Result<StreamOrderedMemory> create(const cuda::Driver& driver, std::size_t bytes, cuda::StreamRef stream);

  StreamOrderedMemory(StreamOrderedMemory&& other) noexcept
      : driver_(std::exchange(other.driver_, nullptr)), address_(other.address_), bytes_(other.bytes_) {}
  StreamOrderedMemory& operator=(StreamOrderedMemory&& other) noexcept {
    std::swap(driver_, other.driver_);
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }

  /// No work that uses it may be in flight, and the primary context must be current: it is freed on the per-thread
  /// stream.
  ~StreamOrderedMemory();

  CUdeviceptr get() const noexcept { return driver_ != nullptr ? address_ : 0; }
  std::size_t size() const noexcept { return driver_ != nullptr ? bytes_ : 0; }

  /// Frees it in the order of `stream`, behind all work enqueued there.
  void free_on(cuda::StreamRef stream) noexcept;

 private:
  StreamOrderedMemory(const cuda::Driver& driver, CUdeviceptr address, std::size_t bytes)
      : driver_(&driver), address_(address), bytes_(bytes) {}

  const cuda::Driver* driver_ = nullptr;
  CUdeviceptr address_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace etrt::memory
