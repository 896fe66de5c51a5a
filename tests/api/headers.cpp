// Compiled as C++17 and as C++20, with CUDA's headers: handles must agree with CUDA's own declarations. The consumer of
// tests/install has none.

#include <etrt/backend.h>
#include <etrt/buffer.h>
#include <etrt/cuda_handles.h>
#include <etrt/device.h>
#include <etrt/event.h>
#include <etrt/graph.h>
#include <etrt/options.h>
#include <etrt/partition.h>
#include <etrt/pte.h>
#include <etrt/report.h>
#include <etrt/result.h>
#include <etrt/stream.h>
#include <etrt/stream_guard.h>
#include <etrt/timeline.h>
#include <etrt/version.h>
#include <torch_tensorrt/executorch/TensorRTBackend.h>

using torch_tensorrt::executorch_backend::CudaStreamGuard;
static_assert(std::is_same<CudaStreamGuard, etrt::StreamGuard>::value, "one type under two names");
static_assert(!std::is_copy_constructible<CudaStreamGuard>::value &&
                  !std::is_move_constructible<CudaStreamGuard>::value,
              "a guard belongs to its scope");
static_assert(!std::is_copy_constructible<etrt::Stream>::value &&
                  std::is_nothrow_move_constructible<etrt::Stream>::value,
              "a stream has one owner");
