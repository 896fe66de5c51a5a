#include <algorithm>

#include <base/format.h>
#include <engine/tensorrt/output_allocator.h>
#include <engine/tensorrt/types.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

void OutputMemory::bind(std::uint64_t address, std::size_t bytes) {
  address_ = address;
  bytes_ = bytes;
}

void* OutputMemory::reallocateOutputAsync(const char* tensor, void* /*memory*/, std::uint64_t size,
                                          std::uint64_t /*alignment*/, cudaStream_t /*stream*/) {
  if (allocator_ != nullptr) {
    const std::uint64_t address = allocator_->allocate(tensor_, size);
    if (address == 0)
      failure_ = base::concat("no memory of ", size, " bytes for the data-dependent output '", tensor, "'");
    return reinterpret_cast<void*>(address);
  }
  // TensorRT asks for a byte even when the output is empty, whose address has room for it.
  if (size <= std::max<std::uint64_t>(bytes_, 1)) return reinterpret_cast<void*>(address_);
  failure_ =
      base::concat("the data-dependent output '", tensor, "' has ", size, " bytes, it was bound to memory of ", bytes_);
  return nullptr;
}

void OutputMemory::notifyShape(const char* tensor, const nvinfer1::Dims& dims) noexcept {
  if (allocator_ == nullptr) return;
  if (const auto shape = to_dims(dims, tensor); shape.ok()) allocator_->set_shape(tensor_, *shape);
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
