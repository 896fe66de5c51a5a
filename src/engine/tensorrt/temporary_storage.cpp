#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>
#include <cuda/relaxed_capture.h>
#include <engine/tensorrt/temporary_storage.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

Result<CUdeviceptr> TemporaryStorage::allocate(std::uint64_t size, CUstream stream) const {
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(driver_));
  CUdeviceptr address = 0;
  ETRT_TRY(cuda::check(driver_, driver_.cuMemAllocAsync(&address, size, stream), "cuMemAllocAsync"));
  return address;
}

void* TemporaryStorage::allocateAsync(std::uint64_t size, std::uint64_t /*alignment*/,
                                      nvinfer1::AllocatorFlags /*flags*/, cudaStream_t stream) noexcept {
  if (size == 0) return nullptr;
  // No exception crosses TensorRT. The text is short enough for std::string to hold it without the heap.
  try {
    auto address = allocate(size, stream);
    if (address.ok()) return reinterpret_cast<void*>(*address);
    failure_ = std::move(address).error().within(base::concat("temporary storage of ", size, " bytes"));
  } catch (...) {
    failure_.emplace(ErrorCode::kOutOfMemory, "host memory");
  }
  return nullptr;
}

bool TemporaryStorage::deallocateAsync(void* memory, cudaStream_t stream) noexcept {
  if (memory == nullptr) return true;
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(driver_);
  return relaxed && driver_.cuMemFreeAsync(reinterpret_cast<CUdeviceptr>(memory), stream) == CUDA_SUCCESS;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
