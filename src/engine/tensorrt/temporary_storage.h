#pragma once

#include <optional>
#include <utility>

#include <cuda/driver.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// Memory that TensorRT asks for in the middle of an enqueue, where sizes depend on data. Taken in stream order:
/// TensorRT's own allocator would call cudaMalloc there, which waits for every tenant of the GPU.
/// Threads: one for each execution context, called on the thread that enqueues. The table must outlive it, and it the
/// context.
class TemporaryStorage final : public nvinfer1::IGpuAsyncAllocator {
 public:
  explicit TemporaryStorage(const cuda::Driver& driver) : driver_(driver) {}

  void* allocateAsync(std::uint64_t size, std::uint64_t alignment, nvinfer1::AllocatorFlags flags,
                      cudaStream_t stream) noexcept override;
  bool deallocateAsync(void* memory, cudaStream_t stream) noexcept override;

  /// Why there was no memory since the last question, which TensorRT does not pass on.
  std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }

 private:
  Result<CUdeviceptr> allocate(std::uint64_t size, CUstream stream) const;

  const cuda::Driver& driver_;
  std::optional<Error> failure_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
