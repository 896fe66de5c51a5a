#pragma once

#include <string>

#include <engine/execution_context.h>
#include <engine/tensorrt/nvinfer.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// Where TensorRT asks for the memory of one data-dependent output: the engine's OutputAllocator when there is one,
/// else the memory that the output is bound to. Threads: called on the thread that enqueues.
class OutputMemory final : public nvinfer1::IOutputAllocator {
 public:
  explicit OutputMemory(std::size_t tensor) : tensor_(tensor) {}

  void use(OutputAllocator* allocator) { allocator_ = allocator; }
  void bind(std::uint64_t address, std::size_t bytes);
  bool usable() const { return allocator_ != nullptr || address_ != 0; }

  /// Why the last enqueue got no memory; empty when it got some.
  const std::string& failure() const { return failure_; }
  void clear_failure() { failure_.clear(); }

  void* reallocateOutputAsync(const char* tensor, void* memory, std::uint64_t size, std::uint64_t alignment,
                              cudaStream_t stream) override;
  void notifyShape(const char* tensor, const nvinfer1::Dims& dims) noexcept override;

 private:
  template <class Body>
  void contained(Body body) noexcept;
  std::uint64_t allocate(const char* tensor, std::uint64_t size, cuda::StreamRef stream);

  std::size_t tensor_;
  OutputAllocator* allocator_ = nullptr;
  std::uint64_t address_ = 0;
  std::size_t bytes_ = 0;
  std::string failure_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
