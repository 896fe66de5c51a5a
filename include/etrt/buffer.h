#pragma once

#include <cstddef>

#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/export.h>
#include <etrt/result.h>

namespace etrt {

/// Memory that a device can use: on the device, or pinned on the host.
///
/// Allocating and freeing may stall every tenant of the GPU (CUDA: implicit synchronisation), so do both outside of
/// steady state. The holder frees it only once no enqueued work touches it.
/// Threads: like a unique_ptr; copies may be enqueued from any thread.
class ETRT_API Buffer {
 public:
  /// Device memory, at least 256-byte aligned. The host cannot dereference it, on the virtual GPU neither.
  static Result<Buffer> on_device(const Device& device, std::size_t bytes);

  /// Page-locked host memory: the host uses it directly, and copies from and to it run beside the host's work.
  static Result<Buffer> pinned(const Device& device, std::size_t bytes);

  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  void* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool is_pinned() const noexcept { return pinned_; }

  /// Enqueues a copy of `bytes` from host memory to the start of this buffer. `source` may be overwritten once the
  /// call returns when it is pageable, and once the stream has run the copy when it is pinned (CUDA's rule).
  Status copy_from_host(const void* source, std::size_t bytes, cudaStream_t stream);

  /// Enqueues a copy of `bytes` from the start of this buffer to host memory. `target` holds them once the stream has
  /// run the copy; to pageable memory the call returns only then (CUDA's rule).
  Status copy_to_host(void* target, std::size_t bytes, cudaStream_t stream) const;

 private:
  Buffer(const Device& device, void* data, std::size_t size, bool pinned) noexcept
      : device_(device), data_(data), size_(size), pinned_(pinned) {}

  Device device_;
  void* data_;
  std::size_t size_;
  bool pinned_;
};

}  // namespace etrt
