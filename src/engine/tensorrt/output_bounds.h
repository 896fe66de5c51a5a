#pragma once

#include <vector>

#include <engine/dims.h>
#include <engine/tensorrt/nvinfer.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

class TensorRtEngine;

struct OutputBounds {
  Dims minimum;
  Dims maximum;
  bool data_dependent;
};

/// Bounds of the outputs' shapes: TensorRT tells them only for given inputs, so it is asked for the smallest and the
/// largest of every profile. Where these ends of several inputs do not go together, sizes that the engine leaves open
/// are bounded by 0 and INT32_MAX. One entry for each output. Makes an execution context for the purpose.
Result<std::vector<OutputBounds>> find_output_bounds(TensorRtEngine& engine);

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
