#pragma once

// TensorRT's API for the sources that are compiled once for each set of headers. ETRT_NVINFER is their namespace.

#include <NvInfer.h>

#include <engine/tensorrt/version.h>

#ifndef ETRT_NVINFER
#error "ETRT_NVINFER must name the namespace of this set of TensorRT headers, see CMakeLists.txt"
#endif

// TensorRT-RTX counts anew from 1, and has had it from the start.
#define ETRT_NVINFER_HAS_ENGINE_STAT (NV_TENSORRT_MAJOR < 8 || NV_TENSORRT_VERSION >= 101400)

namespace etrt::engine::tensorrt::ETRT_NVINFER {

inline constexpr Version kHeaders{NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
