#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <cuda/owners.h>
#include <support/must.h>

namespace etrt::support {

/// Device memory of `count` u32. A context must be current at construction.
class DeviceBuffer {
 public:
  DeviceBuffer(const cuda::Driver& driver, std::uint32_t count)
      : driver_(&driver),
        memory_(must(cuda::create_device_memory(driver, count * sizeof(std::uint32_t)))),
        count_(count) {}

  CUdeviceptr address() const { return memory_.get(); }
  std::uint32_t count() const { return count_; }
  std::size_t bytes() const { return count_ * sizeof(std::uint32_t); }

  /// Waits for nothing but the legacy stream: synchronise first with the stream that writes.
  std::vector<std::uint32_t> read() const;

  /// Synchronously; the values beyond `values` stay.
  void write(std::span<const std::uint32_t> values);

  /// Frees the memory before the end of the buffer's life.
  CUresult free() { return driver_->cuMemFree(memory_.release()); }

 private:
  const cuda::Driver* driver_;
  cuda::DeviceMemory memory_;
  std::uint32_t count_;
};

/// Pinned host memory of `count` u32, zeroed. Its address is the same on the device.
class PinnedBuffer {
 public:
  PinnedBuffer(const cuda::Driver& driver, std::uint32_t count);

  std::uint32_t* data() const { return static_cast<std::uint32_t*>(memory_.get()); }
  CUdeviceptr address() const { return reinterpret_cast<CUdeviceptr>(memory_.get()); }
  std::uint32_t count() const { return count_; }
  std::size_t bytes() const { return count_ * sizeof(std::uint32_t); }
  std::uint32_t& operator[](std::size_t index) const { return data()[index]; }
  std::span<std::uint32_t> values() const { return {data(), count_}; }

 private:
  cuda::PinnedMemory memory_;
  std::uint32_t count_;
};

/// `count` u32 from device or pinned memory, by a synchronous copy.
std::vector<std::uint32_t> read_back(const cuda::Driver& driver, CUdeviceptr address, std::uint32_t count);

}  // namespace etrt::support
