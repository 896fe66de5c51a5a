#include <algorithm>
#include <cstring>
#include <numeric>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <cli/tensors.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

using Order = std::vector<std::uint8_t>;

Order c_order(std::size_t rank) {
  Order order(rank);
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  return order;
}

/// Distance in elements from one index to the next of each dimension.
std::vector<std::size_t> strides_of(std::span<const std::int32_t> sizes, const Order& order) {
  std::vector<std::size_t> strides(sizes.size());
  std::size_t stride = 1;
  for (std::size_t i = order.size(); i-- > 0;) {
    strides[order[i]] = stride;
    stride *= static_cast<std::size_t>(sizes[order[i]]);
  }
  return strides;
}

/// Copies the elements of `source`, which lie in the order `from`, into the order `to`.
std::vector<std::byte> reordered(std::span<const std::byte> source, std::span<const std::int32_t> sizes,
                                 std::size_t element_bytes, const Order& from, const Order& to) {
  std::vector<std::byte> target(source.size());
  if (source.empty()) return target;
  if (from == to) {
    std::memcpy(target.data(), source.data(), source.size());
    return target;
  }
  const auto read = strides_of(sizes, from);
  const auto write = strides_of(sizes, to);
  std::vector<std::int32_t> index(sizes.size(), 0);
  for (std::size_t done = 0; done < source.size(); done += element_bytes) {
    std::size_t read_at = 0;
    std::size_t write_at = 0;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      read_at += static_cast<std::size_t>(index[i]) * read[i];
      write_at += static_cast<std::size_t>(index[i]) * write[i];
    }
    std::memcpy(&target[write_at * element_bytes], &source[read_at * element_bytes], element_bytes);
    for (std::size_t i = sizes.size(); i-- > 0 && ++index[i] == sizes[i];) index[i] = 0;
  }
  return target;
}

Status check_dim_order(const pte::TensorInfo& info, const std::string& where) {
  Order sorted = info.dim_order;
  std::sort(sorted.begin(), sorted.end());
  if (sorted == c_order(info.sizes.size())) return {};
  return Error(ErrorCode::kInvalidData, where + " has a dim_order that is no order of its dimensions");
}

bool type_fits(const NpyArray& array, const ElementType& type) {
  if (array.type == type.npy) return true;
  // numpy knows the extension type bfloat16 of other packages as two raw bytes.
  const bool raw = array.type.size() > 1 && array.type[1] == 'V';
  return !type.in_numpy && raw && array.element_bytes == type.bytes;
}

Error wrong_type(const NpyArray& array, const ElementType& type, const std::string& where) {
  std::string message = base::concat(where, " wants ", type.name, ", the file holds ", npy_type_text(array.type), ": ");
  if (type.in_numpy) {
    message += base::concat("convert it, in numpy with .astype('", type.name, "')");
  } else {
    message += base::concat("numpy has no ", type.name, ", so give its bits as ", npy_type_text(type.npy));
  }
  return Error(ErrorCode::kInvalidType, std::move(message));
}

Status check_shape(const NpyArray& array, const pte::TensorInfo& info, const std::string& where) {
  bool fits = array.shape.size() == info.sizes.size();
  for (std::size_t i = 0; fits && i < array.shape.size(); ++i) {
    fits = info.dynamism == pte::Dynamism::kStatic ? array.shape[i] == info.sizes[i] : array.shape[i] <= info.sizes[i];
  }
  if (fits) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat(where, " has shape ", shape_text(array.shape), ", the program takes ", bound_text(info)));
}

template <class T>
void fill(std::vector<std::byte>& data, const auto& next) {
  for (std::size_t at = 0; at < data.size(); at += sizeof(T)) {
    const T value = next();
    std::memcpy(&data[at], &value, sizeof(T));
  }
}

}  // namespace

Result<const ElementType*> element_type_of(const pte::ValueInfo& value, const std::string& where) {
  if (value.kind != "Tensor") {
    return Error(ErrorCode::kNotSupported,
                 base::concat(where, " is of kind ", printable(value.kind), ": only tensors can be given and read"));
  }
  const ElementType* type = find_element_type(value.tensor.dtype);
  if (type == nullptr) {
    return Error(ErrorCode::kNotSupported,
                 base::concat(where, " is ", printable(value.tensor.dtype), ", which cannot be given or read here"));
  }
  ETRT_TRY(check_dim_order(value.tensor, where));
  return type;
}

Result<std::size_t> byte_count(const ElementType& type, std::span<const std::int32_t> sizes) {
  if (std::any_of(sizes.begin(), sizes.end(), [](std::int32_t size) { return size == 0; })) return std::size_t{0};
  std::optional<std::size_t> bytes = type.bytes;
  for (const std::int32_t size : sizes) {
    if (bytes) bytes = base::checked_mul(*bytes, static_cast<std::size_t>(size));
  }
  if (bytes) return *bytes;
  return Error(ErrorCode::kOutOfMemory,
               base::concat("a tensor of shape ", shape_text(sizes), " does not fit into the address space"));
}

Result<HostTensor> tensor_from_npy(const NpyArray& array, const pte::ValueInfo& value, const std::string& where) {
  HostTensor tensor;
  ETRT_TRY_ASSIGN(tensor.type, element_type_of(value, where));
  if (!type_fits(array, *tensor.type)) return wrong_type(array, *tensor.type, where);
  ETRT_TRY(check_shape(array, value.tensor, where));
  tensor.sizes.assign(array.shape.begin(), array.shape.end());
  tensor.dim_order = value.tensor.dim_order;
  Order from = c_order(tensor.sizes.size());
  if (array.column_major) std::reverse(from.begin(), from.end());
  tensor.data = reordered(array.data, tensor.sizes, tensor.type->bytes, from, tensor.dim_order);
  return tensor;
}

Result<HostTensor> random_tensor(const pte::ValueInfo& value, std::mt19937_64& generator, const std::string& where) {
  HostTensor tensor;
  ETRT_TRY_ASSIGN(tensor.type, element_type_of(value, where));
  tensor.sizes = value.tensor.sizes;
  tensor.dim_order = value.tensor.dim_order;
  ETRT_TRY_ASSIGN(const std::size_t bytes, byte_count(*tensor.type, tensor.sizes));
  tensor.data.resize(bytes);
  // The distributions of <random> differ between libraries; this gives the same numbers everywhere.
  const auto unit = [&] { return static_cast<float>(static_cast<double>(generator() >> 40) * 0x1p-24); };
  const auto bit = [&] { return static_cast<std::uint8_t>(generator() & 1); };
  switch (tensor.type->scalar) {
    case executorch::aten::ScalarType::Float:
      fill<float>(tensor.data, unit);
      break;
    case executorch::aten::ScalarType::Double:
      fill<double>(tensor.data, unit);
      break;
    case executorch::aten::ScalarType::Half:
      fill<executorch::aten::Half>(tensor.data, unit);
      break;
    case executorch::aten::ScalarType::BFloat16:
      fill<executorch::aten::BFloat16>(tensor.data, unit);
      break;
    default:
      // Little-endian integers: the lowest byte decides, the rest stays zero.
      for (std::size_t at = 0; at < bytes; at += tensor.type->bytes) tensor.data[at] = std::byte{bit()};
  }
  return tensor;
}

std::vector<std::byte> npy_from_tensor(const HostTensor& tensor) {
  const std::vector<std::int64_t> shape(tensor.sizes.begin(), tensor.sizes.end());
  const auto data =
      reordered(tensor.data, tensor.sizes, tensor.type->bytes, tensor.dim_order, c_order(tensor.sizes.size()));
  return make_npy(tensor.type->npy, shape, data);
}

executorch::extension::TensorPtr view_of(const HostTensor& tensor, void* data, MemoryLabel label) {
  namespace aten = executorch::aten;
  const aten::Device device(label == MemoryLabel::kCuda ? aten::DeviceType::CUDA : aten::DeviceType::CPU, 0);
  return executorch::extension::make_tensor_ptr(
      std::vector<aten::SizesType>(tensor.sizes.begin(), tensor.sizes.end()), data,
      std::vector<aten::DimOrderType>(tensor.dim_order.begin(), tensor.dim_order.end()), {}, tensor.type->scalar,
      device);
}

std::string bound_text(const pte::TensorInfo& info) {
  switch (info.dynamism) {
    case pte::Dynamism::kStatic:
      return shape_text(info.sizes);
    case pte::Dynamism::kBounded:
      return "up to " + shape_text(info.sizes);
    case pte::Dynamism::kUnbounded:
      break;
  }
  return shape_text(info.sizes) + ", unbounded";
}

}  // namespace etrt::cli
