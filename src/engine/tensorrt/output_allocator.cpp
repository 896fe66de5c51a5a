#include <algorithm>

#include <base/format.h>
#include <engine/tensorrt/output_allocator.h>
#include <engine/tensorrt/types.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// No exception crosses TensorRT. The text is short enough for std::string to hold it without the heap.
template <class Body>
void OutputMemory::contained(Body body) noexcept {
  try {
    body();
  } catch (...) {
    failure_ = "out of memory";
  }
}

void OutputMemory::bind(std::uint64_t address, std::size_t bytes) {
  address_ = address;
  bytes_ = bytes;
}

void* OutputMemory::reallocateOutputAsync(const char* tensor, void* /*memory*/, std::uint64_t size,
                                          std::uint64_t /*alignment*/, cudaStream_t stream) {
  std::uint64_t address = 0;
  contained([&] { address = allocate(tensor, size, cuda::StreamRef(stream)); });
  return reinterpret_cast<void*>(address);
}

std::uint64_t OutputMemory::allocate(const char* tensor, std::uint64_t size, cuda::StreamRef stream) {
  if (allocator_ != nullptr) {
    const std::uint64_t address = allocator_->allocate(tensor_, size, stream);
    if (address == 0)
      failure_ = base::concat("no memory of ", size, " bytes for the data-dependent output '", tensor, "'");
    return address;
  }
  // TensorRT asks for a byte even when the output is empty, whose address has room for it.
  if (size <= std::max<std::uint64_t>(bytes_, 1)) return address_;
  failure_ =
      base::concat("the data-dependent output '", tensor, "' has ", size, " bytes, it was bound to memory of ", bytes_);
  return 0;
}

void OutputMemory::notifyShape(const char* tensor, const nvinfer1::Dims& dims) noexcept {
  if (allocator_ == nullptr) return;
  contained([&] {
    auto shape = to_dims(dims, tensor);
    if (shape.ok()) {
      allocator_->set_shape(tensor_, *shape);
    } else {
      failure_ = shape.error().message();
    }
  });
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
