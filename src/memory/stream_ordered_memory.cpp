#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/owners.h>
#include <cuda/relaxed_capture.h>
#include <memory/stream_ordered_memory.h>

namespace etrt::memory {

Result<StreamOrderedMemory> StreamOrderedMemory::create(DeviceHeap& heap, std::size_t bytes, cuda::StreamRef stream) {
  ETRT_TRY_ASSIGN(const CUdeviceptr address, heap.allocate(bytes, stream));
  return StreamOrderedMemory(heap, address, bytes);
}

Result<StreamOrderedMemory> StreamOrderedMemory::create_for_any_stream(DeviceHeap& heap, std::size_t bytes) {
  const cuda::Device& device = heap.device();
  // The primary context, whichever is current: a stream of a green one would go with it.
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device.driver));
  ETRT_TRY_ASSIGN(const cuda::Stream stream, cuda::create_stream(device.driver));
  ETRT_TRY_ASSIGN(auto memory, create(heap, bytes, stream.get()));
  Status made = cuda::check(device.driver, device.driver.cuStreamSynchronize(stream.get()), "cuStreamSynchronize");
  if (made.ok()) return memory;
  memory.free_on(stream.get());
  return std::move(made).error();
}

StreamOrderedMemory::~StreamOrderedMemory() {
  free_on(cuda::per_thread_stream());
}

Status StreamOrderedMemory::grow(DeviceHeap& heap, std::size_t bytes, cuda::StreamRef stream) {
  const std::size_t before = size();
  free_on(stream);
  auto grown = create(heap, bytes, stream);
  if (grown.ok()) {
    *this = std::move(grown).value();
    return {};
  }
  if (before > 0) {
    if (auto again = create(heap, before, stream); again.ok()) *this = std::move(again).value();
  }
  return std::move(grown).error();
}

void StreamOrderedMemory::free_on(cuda::StreamRef stream) noexcept {
  if (heap_ == nullptr) return;
  heap_->free(address_, bytes_, stream);
  heap_ = nullptr;
}

void StreamOrderedMemory::abandon() noexcept {
  if (heap_ == nullptr) return;
  heap_->abandon(bytes_);
  heap_ = nullptr;
}

}  // namespace etrt::memory
