#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <executorch/extension/tensor/tensor_ptr.h>

#include <cli/element_type.h>
#include <cli/npy.h>
#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::cli {

/// A tensor in host memory, laid out as a program wants it.
struct HostTensor {
  const ElementType* type = nullptr;
  std::vector<std::int32_t> sizes;
  std::vector<std::uint8_t> dim_order;  ///< from the outermost dimension in memory to the innermost
  std::vector<std::byte> data;
};

/// What can be fed to or read from a value of a program. The error names the value by `where`: "input 0".
Result<const ElementType*> element_type_of(const pte::ValueInfo& value, const std::string& where);

/// Bytes of a tensor, nothing for one that no address space holds.
Result<std::size_t> byte_count(const ElementType& type, std::span<const std::int32_t> sizes);

/// The array as the value of a program wants it. Errors name the value and the file, and say what fits.
Result<HostTensor> tensor_from_npy(const NpyArray& array, const pte::ValueInfo& value, const std::string& where);

/// A tensor at its upper bound: floats from 0 to 1, integers 0 or 1, which are also safe as indices.
Result<HostTensor> random_tensor(const pte::ValueInfo& value, std::mt19937_64& generator, const std::string& where);

/// A complete .npy file, in C order whatever the tensor's own order is.
std::vector<std::byte> npy_from_tensor(const HostTensor& tensor);

enum class MemoryLabel { kCpu, kCuda };

/// ExecuTorch's view of a tensor whose elements are at `data`, in host or device memory, which must outlive it.
executorch::extension::TensorPtr view_of(const HostTensor& tensor, void* data, MemoryLabel label = MemoryLabel::kCpu);

/// "[64, 10]", or "up to [64, 10]": programs hold no more than the upper bound of a shape that may change.
std::string bound_text(const pte::TensorInfo& info);

}  // namespace etrt::cli
