#pragma once

#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/exec_aten/exec_aten.h>

namespace etrt::test {

using executorch::aten::ScalarType;
using executorch::runtime::EValue;
using executorch::runtime::TensorShapeDynamism;
using executorch::runtime::etensor::DeviceType;

/// An ExecuTorch tensor over memory of the test's choice, as a delegate gets them. Does not own the memory.
class TestTensor {
 public:
  struct Kind {
    ScalarType type = ScalarType::Int;
    TensorShapeDynamism dynamism = TensorShapeDynamism::STATIC;
    DeviceType device = DeviceType::CPU;
    std::vector<std::uint8_t> dim_order = {};
  };

  TestTensor(std::vector<std::int32_t> sizes, void* data) : TestTensor(std::move(sizes), data, Kind()) {}
  TestTensor(std::vector<std::int32_t> sizes, void* data, Kind kind)
      : sizes_(std::move(sizes)), dim_order_(kind.dim_order), strides_(sizes_.size()) {
    if (dim_order_.empty()) {
      dim_order_.resize(sizes_.size());
      std::iota(dim_order_.begin(), dim_order_.end(), std::uint8_t{0});
    }
    std::int32_t stride = 1;
    for (std::size_t k = sizes_.size(); k-- > 0;) {
      strides_[dim_order_[k]] = stride;
      stride *= sizes_[dim_order_[k]];
    }
    impl_ = std::make_unique<executorch::aten::TensorImpl>(kind.type, static_cast<ssize_t>(sizes_.size()),
                                                           sizes_.data(), data, dim_order_.data(), strides_.data(),
                                                           kind.dynamism, kind.device);
    value_ = EValue(executorch::aten::Tensor(impl_.get()));
  }
  TestTensor(const TestTensor&) = delete;
  TestTensor& operator=(const TestTensor&) = delete;

  EValue* value() { return &value_; }
  std::vector<std::int32_t> sizes() const { return {impl_->sizes().begin(), impl_->sizes().end()}; }
  void set_data(void* data) { impl_->set_data(data); }

 private:
  std::vector<std::int32_t> sizes_;
  std::vector<std::uint8_t> dim_order_;
  std::vector<std::int32_t> strides_;
  std::unique_ptr<executorch::aten::TensorImpl> impl_;
  EValue value_;
};

}  // namespace etrt::test
