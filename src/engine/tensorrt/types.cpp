#include <limits>

#include <base/format.h>
#include <engine/tensorrt/types.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

Result<DataType> to_data_type(nvinfer1::DataType type, std::string_view tensor) {
  switch (type) {
    case nvinfer1::DataType::kFLOAT:
      return DataType::kFloat32;
    case nvinfer1::DataType::kHALF:
      return DataType::kFloat16;
    case nvinfer1::DataType::kBF16:
      return DataType::kBFloat16;
    case nvinfer1::DataType::kINT8:
      return DataType::kInt8;
    case nvinfer1::DataType::kUINT8:
      return DataType::kUInt8;
    case nvinfer1::DataType::kINT32:
      return DataType::kInt32;
    case nvinfer1::DataType::kINT64:
      return DataType::kInt64;
    case nvinfer1::DataType::kBOOL:
      return DataType::kBool;
    default:
      return Error(ErrorCode::kNotSupported,
                   base::concat("tensor '", tensor, "' has TensorRT's data type ", static_cast<int>(type),
                                ", which ExecuTorch has not: export the program with float32, float16, bfloat16, int8, "
                                "uint8, int32, int64 or bool at its inputs and outputs"));
  }
}

Result<Dims> to_dims(const nvinfer1::Dims& dims, std::string_view tensor) {
  if (dims.nbDims < 0 || static_cast<std::size_t>(dims.nbDims) > kMaxRank) {
    return Error(ErrorCode::kInternal, base::concat("tensor '", tensor, "': TensorRT gives it rank ", dims.nbDims));
  }
  std::int32_t sizes[kMaxRank] = {};
  for (std::int32_t i = 0; i < dims.nbDims; ++i) {
    if (dims.d[i] < -1 || dims.d[i] > std::numeric_limits<std::int32_t>::max()) {
      return Error(ErrorCode::kNotSupported, base::concat("tensor '", tensor, "' has size ", dims.d[i],
                                                          " at dimension ", i, ", ExecuTorch's sizes have 32 bits"));
    }
    sizes[i] = static_cast<std::int32_t>(dims.d[i]);
  }
  return Dims(std::span<const std::int32_t>(sizes, static_cast<std::size_t>(dims.nbDims)));
}

nvinfer1::Dims to_nvinfer(const Dims& dims) {
  nvinfer1::Dims result{};
  result.nbDims = static_cast<std::int32_t>(dims.rank());
  for (std::size_t i = 0; i < dims.rank(); ++i) result.d[i] = dims[i];
  return result;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
