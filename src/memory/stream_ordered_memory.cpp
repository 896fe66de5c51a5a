#include <memory/stream_ordered_memory.h>

#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>

namespace etrt::memory {

Result<StreamOrderedMemory> StreamOrderedMemory::create(const cuda::Driver& driver, std::size_t bytes,
                                                        cuda::StreamRef stream) {
  CUdeviceptr address = 0;
  ETRT_TRY(cuda::check(driver, driver.cuMemAllocAsync(&address, bytes, stream.get()),
                       base::concat("cuMemAllocAsync of ", bytes, " bytes")));
  return StreamOrderedMemory(driver, address, bytes);
}

StreamOrderedMemory::~StreamOrderedMemory() {
  free_on(cuda::per_thread_stream());
}

void StreamOrderedMemory::free_on(cuda::StreamRef stream) noexcept {
  if (driver_ == nullptr) return;
  if (driver_->cuMemFreeAsync(address_, stream.get()) != CUDA_SUCCESS) {
    // Refused, it is freed the way that waits for the work that may use it.
    static_cast<void>(driver_->cuMemFree(address_));
  }
  driver_ = nullptr;
}

}  // namespace etrt::memory
