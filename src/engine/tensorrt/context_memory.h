#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <engine/tensorrt/native_engine.h>
#include <etrt/result.h>

// The memory of an engine's contexts is its caller's. TensorRT has had two sets of calls for that; an engine that an
// older version wrote answers the first alone.

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// A context without memory of its own; null when TensorRT refuses.
std::unique_ptr<nvinfer1::IExecutionContext> create_context_without_memory(const NativeEngine& engine);

/// Bytes that the context needs for the shapes it is set to; of an older engine the most it may need for any.
std::size_t measure_context_memory(const NativeEngine& engine, nvinfer1::IExecutionContext& context);

void give_context_memory(const NativeEngine& engine, nvinfer1::IExecutionContext& context, std::uint64_t address,
                         std::size_t bytes);

/// The most that any context of the engine may need.
std::size_t largest_context_memory(const NativeEngine& engine);

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
