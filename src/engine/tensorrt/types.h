#pragma once

#include <string_view>

#include <engine/data_type.h>
#include <engine/dims.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// The type that ExecuTorch has too; `kNotSupported` naming the tensor for the others (fp8, int4, ...).
Result<DataType> to_data_type(nvinfer1::DataType type, std::string_view tensor);

/// Unknown sizes stay -1. `kNotSupported` when a size does not fit ExecuTorch's 32 bits, `kInternal` for a rank that
/// TensorRT gives for an invalid tensor.
Result<Dims> to_dims(const nvinfer1::Dims& dims, std::string_view tensor);

nvinfer1::Dims to_nvinfer(const Dims& dims);

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
