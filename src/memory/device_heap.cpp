#include <new>
#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <cuda/waits.h>
#include <etrt/options.h>
#include <memory/device_heap.h>

namespace etrt::memory {

Result<CUdeviceptr> DeviceHeap::allocate(std::size_t bytes, cuda::StreamRef stream) {
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device_.driver));
  auto allocated = try_allocate(bytes, stream);
  if (allocated.ok() || allocated.error().code() != ErrorCode::kOutOfMemory) return allocated;
  if (idle_ == nullptr || !idle_->give_back_idle(stream)) return allocated;
  return try_allocate(bytes, stream);
}

Result<CUdeviceptr> DeviceHeap::try_allocate(std::size_t bytes, cuda::StreamRef stream) {
  if (!budget_.take(bytes)) return over_budget(bytes);
  auto allocated = source_.allocate_device(bytes, stream);
  if (!allocated.ok()) budget_.give_back(bytes);
  return allocated;
}

Error DeviceHeap::over_budget(std::size_t bytes) const {
  return Error(ErrorCode::kOutOfMemory,
               base::concat("option '", kOptionDeviceMemoryLimit, "' is ", budget_.limit(), " bytes on ", device_.label,
                            ", of which ", budget_.used(), " are in use, and ", bytes,
                            " more are needed: raise it, unload programs, or use fewer streams at once"));
}

void DeviceHeap::free(CUdeviceptr address, std::size_t bytes, cuda::StreamRef stream) noexcept {
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
  if (!relaxed) return abandon(bytes);
  if (source_.deallocate_device(address, bytes, stream)) return budget_.give_back(bytes);
  if (!cuda::wait_for_stream(device_, stream)) return abandon(bytes);
  if (source_.deallocate_unused_device(address, bytes)) return budget_.give_back(bytes);
  keep_refused({address, bytes});
}

void DeviceHeap::keep_refused(const Refused& memory) noexcept {
  abandon(memory.bytes);
  const std::lock_guard lock(mutex_);
  try {
    refused_.push_back(memory);
  } catch (const std::bad_alloc&) {
    // It stays counted as abandoned, and is offered no more.
  }
}

void DeviceHeap::retry_refused() noexcept {
  std::vector<Refused> again;
  {
    const std::lock_guard lock(mutex_);
    again.swap(refused_);
  }
  if (again.empty()) return;
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
  for (const Refused& memory : again) {
    abandoned_bytes_ -= memory.bytes;
    if (relaxed && source_.deallocate_unused_device(memory.address, memory.bytes)) {
      budget_.give_back(memory.bytes);
    } else {
      keep_refused(memory);
    }
  }
}

}  // namespace etrt::memory
