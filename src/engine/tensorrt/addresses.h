#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <engine/tensor_info.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// What the tensors of an execution context are bound to. A switch of profiles makes TensorRT forget its addresses:
/// those that are bound anew are passed then, the others when `pass` is called for the next enqueue. So TensorRT never
/// hears of memory that the caller has freed since.
/// Threads: one caller at a time.
class Addresses {
 public:
  struct Address {
    std::uint64_t value = 0;
    std::size_t bytes = 0;
    bool is_passed = false;  ///< TensorRT has it
  };

  /// `empty_address` stands for empty tensors on the device.
  Addresses(std::span<const TensorInfo> tensors, std::uint64_t empty_address)
      : tensors_(tensors), empty_address_(empty_address), addresses_(tensors.size()) {}

  const Address& operator[](std::size_t tensor) const { return addresses_[tensor]; }

  /// Takes the address of a tensor, and passes it.
  Status bind(nvinfer1::IExecutionContext& context, std::size_t tensor, std::uint64_t address, std::size_t bytes);

  /// TensorRT has forgotten all of them.
  void forget();

  /// Passes those of one place that TensorRT does not have.
  Status pass(nvinfer1::IExecutionContext& context, Location location);

 private:
  Status pass(nvinfer1::IExecutionContext& context, std::size_t tensor);

  std::span<const TensorInfo> tensors_;
  std::uint64_t empty_address_;
  std::vector<Address> addresses_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
