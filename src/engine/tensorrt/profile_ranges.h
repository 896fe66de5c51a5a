#pragma once

#include <span>
#include <vector>

#include <engine/tensorrt/native_engine.h>
#include <engine/tensorrt/profiles.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// All optimization profiles of an engine, for the tensors at the indices `inputs`.
Result<Profiles> read_profiles(const NativeEngine& engine, std::span<const TensorInfo> tensors,
                               std::span<const std::size_t> inputs);

/// Makes room between `minimum` and `maximum` for `dims`, size by size.
void widen(Dims& minimum, Dims& maximum, const Dims& dims);

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
