#pragma once

#include <cuda/driver.h>
#include <cuda/relaxed_capture.h>
#include <engine/tensorrt/nvinfer.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// Memory that TensorRT asks for in the middle of an enqueue, where sizes depend on data. Taken in stream order:
/// TensorRT's own allocator would call cudaMalloc there, which waits for every tenant of the GPU.
/// Threads: safe. The table must outlive it, and it the contexts that use it.
class TemporaryStorage final : public nvinfer1::IGpuAsyncAllocator {
 public:
  explicit TemporaryStorage(const cuda::Driver& driver) : driver_(driver) {}

  void* allocateAsync(std::uint64_t size, std::uint64_t /*alignment*/, nvinfer1::AllocatorFlags /*flags*/,
                      cudaStream_t stream) noexcept override {
    const cuda::RelaxedCapture relaxed(driver_);
    CUdeviceptr address = 0;
    if (size == 0 || driver_.cuMemAllocAsync(&address, size, stream) != CUDA_SUCCESS) return nullptr;
    return reinterpret_cast<void*>(address);
  }

  bool deallocateAsync(void* memory, cudaStream_t stream) noexcept override {
    const cuda::RelaxedCapture relaxed(driver_);
    return memory == nullptr || driver_.cuMemFreeAsync(reinterpret_cast<CUdeviceptr>(memory), stream) == CUDA_SUCCESS;
  }

 private:
  const cuda::Driver& driver_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
