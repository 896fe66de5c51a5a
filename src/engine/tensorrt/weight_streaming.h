#pragma once

#include <cstdint>
#include <optional>

#include <engine/engine.h>
#include <engine/tensorrt/native_engine.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// Sets how many bytes of weights stay on the device: those asked for, else as many as TensorRT finds room for, else
/// none, with a warning. Must come before the first execution context. Engines built without weight streaming keep all
/// of theirs there.
Status set_weight_streaming_budget(const NativeEngine& engine, std::optional<std::int64_t> budget);

/// Whether weights are copied to the device as the engine runs, which makes its enqueue synchronous.
bool streams_weights(const NativeEngine& engine);

EngineMemory memory_of(const NativeEngine& engine);

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
