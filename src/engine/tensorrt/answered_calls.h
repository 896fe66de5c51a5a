#pragma once

#include <engine/tensorrt/version.h>

namespace etrt::engine::tensorrt {

/// Which of TensorRT's newer calls an engine answers. Of an older plan's the library says "not supported for engine
/// created before ...", as an error in its log, so they are not tried: the writer's version tells, and so does the
/// library's, whose classes may know less than the headers.
struct AnsweredCalls {
  bool memory_by_shapes;  ///< kUSER_MANAGED, updateDeviceMemorySizeForShapes, getStreamableWeightsSize
  bool memory_v2;         ///< getDeviceMemorySizeV2, setDeviceMemoryV2
  bool profile_values;    ///< getProfileTensorValues
  bool wide_values;       ///< getProfileTensorValuesV2
  bool statistics;        ///< getEngineStat
  bool aliases;           ///< getAliasedInputTensor
};

/// For a plan of TensorRT-RTX, which counts anew from 1, as for TensorRT's.
AnsweredCalls calls_of(const Version& writer, const Version& library);

}  // namespace etrt::engine::tensorrt
