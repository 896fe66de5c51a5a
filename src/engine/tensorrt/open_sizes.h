#pragma once

#include <cstdint>

#include <engine/data_type.h>
#include <engine/dims.h>

namespace etrt::engine::tensorrt {

/// Whether TensorRT left a size of the shape open (-1).
bool has_open_size(const Dims& dims);

/// The shape with its open sizes closed so that it takes at least `bytes`: the first one has what the others leave.
Dims closed_over(const Dims& open, std::int64_t bytes, DataType type);

}  // namespace etrt::engine::tensorrt
