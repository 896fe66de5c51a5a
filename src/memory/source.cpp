#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>
#include <memory/alignment.h>
#include <memory/source.h>

namespace etrt {

MemorySource::~MemorySource() = default;

namespace memory {
namespace {

Error exhausted(const cuda::Device& device, std::size_t bytes, const char* kind) {
  return Error(ErrorCode::kOutOfMemory, base::concat("the application's memory source for ", device.label, " has no ",
                                                     bytes, " bytes of ", kind, " memory"));
}

}  // namespace

Status Source::replace(std::shared_ptr<MemorySource> source) {
  if (source == nullptr) return Error(ErrorCode::kInvalidArgument, "the memory source is null");
  const std::lock_guard lock(mutex_);
  if (decided_) {
    return Error(ErrorCode::kInvalidState,
                 base::concat("the memory of ", device_.label,
                              " is in use already: give its memory source before the first program is loaded"));
  }
  if (application_ != nullptr) {
    return Error(ErrorCode::kInvalidState, base::concat(device_.label, " has a memory source of the application's"));
  }
  application_ = std::move(source);
  return {};
}

void Source::decide() noexcept {
  if (decided_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  decided_.store(true, std::memory_order_release);
}

Result<CUdeviceptr> Source::allocate_device(std::size_t bytes, cuda::StreamRef stream) {
  decide();
  if (application_ == nullptr) {
    CUdeviceptr address = 0;
    ETRT_TRY(cuda::check(device_.driver, device_.driver.cuMemAllocAsync(&address, bytes, stream.get()),
                         base::concat("cuMemAllocAsync of ", bytes, " bytes")));
    return address;
  }
  void* const memory = application_->allocate_device(bytes, stream.get());
  if (memory == nullptr) return exhausted(device_, bytes, "device");
  const auto address = reinterpret_cast<CUdeviceptr>(memory);
  if (address % cuda::kAllocationAlignment == 0) return address;
  static_cast<void>(application_->deallocate_device(memory, bytes, stream.get()));
  return Error(ErrorCode::kInvalidArgument,
               base::concat("the application's memory source for ", device_.label, " gave ", memory,
                            ", which is not aligned to ", cuda::kAllocationAlignment, " bytes"));
}

bool Source::deallocate_device(CUdeviceptr address, std::size_t bytes, cuda::StreamRef stream) noexcept {
  if (application_ == nullptr) return device_.driver.cuMemFreeAsync(address, stream.get()) == CUDA_SUCCESS;
  return application_->deallocate_device(reinterpret_cast<void*>(address), bytes, stream.get());
}

bool Source::deallocate_unused_device(CUdeviceptr address, std::size_t bytes) noexcept {
  // CUDA: this does not wait for stream-ordered memory to be out of use, and needs no stream.
  if (application_ == nullptr) return device_.driver.cuMemFree(address) == CUDA_SUCCESS;
  return application_->deallocate_device(reinterpret_cast<void*>(address), bytes, cuda::legacy_stream().get());
}

Result<void*> Source::allocate_pinned(std::size_t bytes) {
  decide();
  if (application_ == nullptr) {
    void* memory = nullptr;
    ETRT_TRY(cuda::check(device_.driver, device_.driver.cuMemHostAlloc(&memory, bytes, 0),
                         base::concat("cuMemHostAlloc of ", bytes, " bytes")));
    return memory;
  }
  void* const memory = application_->allocate_pinned(bytes);
  if (memory == nullptr) return exhausted(device_, bytes, "pinned");
  return memory;
}

bool Source::deallocate_pinned(void* memory, std::size_t bytes) noexcept {
  if (application_ == nullptr) return device_.driver.cuMemFreeHost(memory) == CUDA_SUCCESS;
  return application_->deallocate_pinned(memory, bytes);
}

}  // namespace memory
}  // namespace etrt
