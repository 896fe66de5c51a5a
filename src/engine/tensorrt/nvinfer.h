#pragma once

// TensorRT's API for the sources that are compiled once for each set of headers. ETRT_NVINFER is their namespace.

#include <NvInfer.h>
#include <cstdint>
#include <memory>

#include <engine/tensorrt/version.h>

#ifndef ETRT_NVINFER
#error "ETRT_NVINFER must name the namespace of this set of TensorRT headers, see CMakeLists.txt"
#endif

// TensorRT-RTX counts anew from 1, and has had it from the start.
#define ETRT_NVINFER_HAS_ENGINE_STAT (NV_TENSORRT_MAJOR < 8 || NV_TENSORRT_VERSION >= 101400)

namespace etrt::engine::tensorrt::ETRT_NVINFER {

inline constexpr Version kHeaders{NV_TENSORRT_MAJOR, NV_TENSORRT_MINOR, NV_TENSORRT_PATCH};

/// Takes over what TensorRT made, or nothing. Some failures come back as a null pointer that was moved to a base class,
/// a small number: seen from createInferRuntime_INTERNAL of TensorRT 11.4 without a driver.
template <class T>
std::unique_ptr<T> adopt(T* made) {
  constexpr std::uintptr_t kFirstPage = 4096;
  return std::unique_ptr<T>(reinterpret_cast<std::uintptr_t>(made) < kFirstPage ? nullptr : made);
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
