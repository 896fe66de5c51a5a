#include <base/format.h>
#include <base/try.h>
#include <cuda/alignment.h>
#include <engine/tensorrt/addresses.h>
#include <engine/tensorrt/logger.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

/// What stands for the address of an empty tensor on the host: TensorRT wants one and touches nothing there.
std::uint64_t empty_host_address() {
  alignas(cuda::kAllocationAlignment) static std::byte nothing[cuda::kAllocationAlignment];
  return reinterpret_cast<std::uint64_t>(&nothing);
}

}  // namespace

Status Addresses::bind(nvinfer1::IExecutionContext& context, std::size_t tensor, std::uint64_t address,
                       std::size_t bytes) {
  const TensorInfo& info = tensors_[tensor];
  if (address == 0 && bytes != 0) {
    return Error(ErrorCode::kInvalidArgument, base::concat("tensor '", info.name, "' was bound to address 0"));
  }
  if (address % info.address_alignment != 0 && bytes != 0) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("tensor '", info.name, "' was bound to address 0x", std::hex, address, std::dec,
                              ", TensorRT wants multiples of ", info.address_alignment,
                              ": give it the start of an allocation, or copy it to one"));
  }
  const std::uint64_t empty = info.location == Location::kHost ? empty_host_address() : empty_address_;
  addresses_[tensor] = {bytes != 0 ? address : empty, bytes, false};
  return pass(context, tensor);
}

void Addresses::forget() {
  for (Address& address : addresses_) address.is_passed = false;
}

Status Addresses::pass(nvinfer1::IExecutionContext& context, Location location) {
  for (std::size_t i = 0; i < addresses_.size(); ++i) {
    const bool is_due = addresses_[i].value != 0 && !addresses_[i].is_passed;
    if (is_due && tensors_[i].location == location) ETRT_TRY(pass(context, i));
  }
  return {};
}

Status Addresses::pass(nvinfer1::IExecutionContext& context, std::size_t tensor) {
  const LoggedErrors errors;
  Address& address = addresses_[tensor];
  const char* name = tensors_[tensor].name.c_str();
  address.is_passed = context.setTensorAddress(name, reinterpret_cast<void*>(address.value));
  if (address.is_passed) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat("the address of tensor '", name, "' was refused: ", errors.text()));
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
