#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>

#include <cuda/device.h>
#include <cuda/refs.h>
#include <etrt/memory.h>
#include <etrt/result.h>

namespace etrt::memory {

/// Where the memory of one device comes from: the application's MemorySource where it gave one, else the driver.
/// Callers make a context of the device current and see to relaxed capture mode.
/// Threads: safe. The device must outlive it.
class Source {
 public:
  explicit Source(const cuda::Device& device) : device_(device) {}

  /// `kInvalidState` once it is decided.
  Status replace(std::shared_ptr<MemorySource> source);

  /// From now on the source stays what it is. The first allocation decides, too.
  void decide() noexcept;

  Result<CUdeviceptr> allocate_device(std::size_t bytes, cuda::StreamRef stream);
  bool deallocate_device(CUdeviceptr address, std::size_t bytes, cuda::StreamRef stream) noexcept;

  /// As `deallocate_device`, for memory that nothing uses any more, where a stream was refused.
  bool deallocate_unused_device(CUdeviceptr address, std::size_t bytes) noexcept;

  Result<void*> allocate_pinned(std::size_t bytes);
  bool deallocate_pinned(void* memory, std::size_t bytes) noexcept;

 private:
  const cuda::Device& device_;
  std::mutex mutex_;  ///< of the decision
  std::atomic<bool> decided_{false};
  std::shared_ptr<MemorySource> application_;  ///< unchanged once decided
};

}  // namespace etrt::memory
