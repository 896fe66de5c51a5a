#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

#include <executorch/runtime/core/device_allocator.h>

#include <cuda/device.h>
#include <delegate/allocator/staged_copies.h>
#include <etrt/result.h>
#include <memory/pools.h>

namespace etrt::delegate {

/// ExecuTorch's allocator for what programs label CUDA: it gives the memory that they plan on a device, and makes the
/// copies that they ask for around a delegate (`et_copy::_h2d_copy`, `_d2h_copy`), on the stream that the calling
/// thread's guard selects.
///
/// Device N of a program is "cuda:N" where this process has a CUDA driver, else "virtual:N". A guard comes before that:
/// under one on a stream of the virtual GPU it is "virtual:N" on any machine, and device 0 is the stream's device,
/// whatever its number. So a program whose delegate is told another device than the one in its labels is loaded under a
/// guard on a stream of that device. Once allocated, memory tells its device itself.
///
/// Threads: safe. Never destroyed, since ExecuTorch keeps the pointer. Throws nothing; each failure is logged once.
class DeviceAllocator final : public executorch::runtime::DeviceAllocator {
 public:
  using DeviceIndex = executorch::runtime::etensor::DeviceIndex;

  explicit DeviceAllocator(memory::Pools& pools);
  ~DeviceAllocator() override;

  executorch::runtime::Result<void*> allocate(std::size_t bytes, DeviceIndex index, std::size_t alignment) override;

  /// A pointer that `allocate` did not give is refused, in the log. Copies still in flight are waited for on the
  /// device, not here; whatever else uses the memory must be done.
  void deallocate(void* pointer, DeviceIndex index) override;

  executorch::runtime::Error copy_host_to_device(void* target, const void* source, std::size_t bytes,
                                                 DeviceIndex index) override;
  executorch::runtime::Error copy_device_to_host(void* target, const void* source, std::size_t bytes,
                                                 DeviceIndex index) override;

  executorch::runtime::etensor::DeviceType device_type() const override {
    return executorch::runtime::etensor::DeviceType::CUDA;
  }

 private:
  struct Allocation;

  /// Where a copy goes: a device, and the allocation if the memory is one of ours.
  struct Place {
    const cuda::Device* device;
    std::shared_ptr<Allocation> allocation;
  };

  Result<void*> try_allocate(std::size_t bytes, DeviceIndex index, std::size_t alignment);
  Result<Place> place(const void* pointer, std::size_t bytes, DeviceIndex index);
  Status copy_in(void* target, const void* source, std::size_t bytes, DeviceIndex index);
  Status copy_out(void* target, const void* source, std::size_t bytes, DeviceIndex index);
  StagedCopies copies(const cuda::Device& device) { return StagedCopies(pools_.of(device)); }

  memory::Pools& pools_;
  std::mutex mutex_;
  std::map<const std::byte*, std::shared_ptr<Allocation>> allocations_;  ///< by address
};

}  // namespace etrt::delegate
