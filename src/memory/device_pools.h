#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>

#include <cuda/device.h>
#include <etrt/memory.h>
#include <etrt/report.h>
#include <etrt/result.h>
#include <memory/device_heap.h>
#include <memory/pinned_pool.h>
#include <memory/scratch_pool.h>
#include <memory/source.h>

namespace etrt::memory {

/// What an application allows etrt on a device, in bytes; nothing: it did not say.
struct Limits {
  std::optional<std::size_t> device;
  std::optional<std::size_t> pinned;
};

/// All memory of one device that is etrt's: one source, the budgets, one pool of each kind. There is one object a
/// device in a process (Pools); whoever needs memory is handed it. Threads: safe. The device must outlive it, and it
/// all that it gave.
class DevicePools {
 public:
  explicit DevicePools(const cuda::Device& device);
  DevicePools(const DevicePools&) = delete;
  DevicePools& operator=(const DevicePools&) = delete;

  const cuda::Device& device() const noexcept { return device_; }

  /// See etrt::set_memory_source.
  Status set_source(std::shared_ptr<MemorySource> source) { return source_.replace(std::move(source)); }

  /// A program is about to be loaded. The first one's limits hold for all, an open one is open for good; after that any
  /// other value is `kInvalidState`.
  Status apply(const Limits& limits);

  /// Staging, scratch memory and that of graphs: what the limit is about.
  DeviceHeap& heap() noexcept { return heap_; }
  /// What programs plan on the device, before any of their options are known.
  DeviceHeap& planned() noexcept { return planned_; }
  PinnedPool& pinned() noexcept { return pinned_; }
  ScratchPool& scratch() noexcept { return scratch_; }

  /// Gives back what is idle, and offers again what a source refused; when a program is unloaded.
  void trim() noexcept;

  /// Waits for nobody.
  MemoryReport report() const;

 private:
  const cuda::Device& device_;
  Source source_;
  DeviceHeap heap_;
  DeviceHeap planned_;
  PinnedPool pinned_;
  ScratchPool scratch_;

  std::mutex mutex_;
  std::optional<Limits> limits_;
};

}  // namespace etrt::memory
