#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include <cuda/device.h>
#include <cuda/refs.h>
#include <etrt/result.h>
#include <memory/budget.h>
#include <memory/source.h>

namespace etrt::memory {

/// Something that holds device memory which it could do without.
class IdleMemory {
 public:
  virtual ~IdleMemory() = default;

  /// Gives back what no work uses, in the order of `stream`. Whether there was any. Waits for nothing.
  virtual bool give_back_idle(cuda::StreamRef stream) noexcept = 0;
};

/// Device memory of one device, in stream order, from one source, under one budget. When that or the device is
/// exhausted, idle memory goes first. Its users hold StreamOrderedMemory.
/// Threads: safe. Source and device must outlive it, and it what it gave.
class DeviceHeap {
 public:
  DeviceHeap(const cuda::Device& device, Source& source) : device_(device), source_(source) {}
  DeviceHeap(const DeviceHeap&) = delete;
  DeviceHeap& operator=(const DeviceHeap&) = delete;

  /// Where idle memory is to be found. Before the first allocation; must live as long as allocations are made.
  void set_idle_memory(IdleMemory& idle) { idle_ = &idle; }

  /// `kOutOfMemory` where the budget, with its numbers, or the source has no more.
  Result<CUdeviceptr> allocate(std::size_t bytes, cuda::StreamRef stream);

  /// Behind the work of `stream`. Where that is refused, the work is waited for and the memory freed at once; where
  /// that fails as well, it is abandoned.
  void free(CUdeviceptr address, std::size_t bytes, cuda::StreamRef stream) noexcept;

  /// Leaves memory, whose last use cannot be proven over, to the device: it is counted and never freed.
  void abandon(std::size_t bytes) noexcept { abandoned_bytes_ += bytes; }

  /// Offers again what a source refused to take back though nothing used it.
  void retry_refused() noexcept;

  const cuda::Device& device() const noexcept { return device_; }
  Budget& budget() noexcept { return budget_; }
  const Budget& budget() const noexcept { return budget_; }
  std::size_t abandoned_bytes() const noexcept { return abandoned_bytes_; }

 private:
  struct Refused {
    CUdeviceptr address;
    std::size_t bytes;
  };

  Result<CUdeviceptr> try_allocate(std::size_t bytes, cuda::StreamRef stream);
  Error over_budget(std::size_t bytes) const;
  void keep_refused(const Refused& memory) noexcept;

  const cuda::Device& device_;
  Source& source_;
  Budget budget_;
  IdleMemory* idle_ = nullptr;
  std::atomic<std::size_t> abandoned_bytes_{0};
  std::mutex mutex_;
  std::vector<Refused> refused_;
};

}  // namespace etrt::memory
