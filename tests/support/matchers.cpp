#include <support/matchers.h>

namespace etrt::support {
namespace {

#define ETRT_NAMED_RESULTS(X)                  \
  X(CUDA_SUCCESS)                              \
  X(CUDA_ERROR_INVALID_VALUE)                  \
  X(CUDA_ERROR_OUT_OF_MEMORY)                  \
  X(CUDA_ERROR_NOT_INITIALIZED)                \
  X(CUDA_ERROR_DEINITIALIZED)                  \
  X(CUDA_ERROR_NO_DEVICE)                      \
  X(CUDA_ERROR_INVALID_DEVICE)                 \
  X(CUDA_ERROR_INVALID_IMAGE)                  \
  X(CUDA_ERROR_INVALID_CONTEXT)                \
  X(CUDA_ERROR_NO_BINARY_FOR_GPU)              \
  X(CUDA_ERROR_INVALID_PTX)                    \
  X(CUDA_ERROR_UNSUPPORTED_PTX_VERSION)        \
  X(CUDA_ERROR_INVALID_SOURCE)                 \
  X(CUDA_ERROR_INVALID_HANDLE)                 \
  X(CUDA_ERROR_ILLEGAL_STATE)                  \
  X(CUDA_ERROR_NOT_FOUND)                      \
  X(CUDA_ERROR_NOT_READY)                      \
  X(CUDA_ERROR_ILLEGAL_ADDRESS)                \
  X(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES)        \
  X(CUDA_ERROR_CONTEXT_IS_DESTROYED)           \
  X(CUDA_ERROR_LAUNCH_FAILED)                  \
  X(CUDA_ERROR_NOT_PERMITTED)                  \
  X(CUDA_ERROR_NOT_SUPPORTED)                  \
  X(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED)     \
  X(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED)     \
  X(CUDA_ERROR_STREAM_CAPTURE_MERGE)           \
  X(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED)       \
  X(CUDA_ERROR_STREAM_CAPTURE_UNJOINED)        \
  X(CUDA_ERROR_STREAM_CAPTURE_ISOLATION)       \
  X(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT)        \
  X(CUDA_ERROR_CAPTURED_EVENT)                 \
  X(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD)    \
  X(CUDA_ERROR_INVALID_RESOURCE_TYPE)          \
  X(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION) \
  X(CUDA_ERROR_STREAM_DETACHED)                \
  X(CUDA_ERROR_UNKNOWN)

struct NamedResult {
  CUresult result;
  const char* name;
};

constexpr NamedResult kNamedResults[] = {
#define ETRT_NAMED_RESULT(name) {name, #name},
    ETRT_NAMED_RESULTS(ETRT_NAMED_RESULT)
#undef ETRT_NAMED_RESULT
};

}  // namespace

std::string result_name(CUresult result) {
  for (const auto& named : kNamedResults) {
    if (named.result == result) return named.name;
  }
  return "CUresult " + std::to_string(static_cast<int>(result));
}

std::string error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "kInvalidArgument";
    case ErrorCode::kInvalidType:
      return "kInvalidType";
    case ErrorCode::kInvalidState:
      return "kInvalidState";
    case ErrorCode::kInvalidData:
      return "kInvalidData";
    case ErrorCode::kNotFound:
      return "kNotFound";
    case ErrorCode::kNotSupported:
      return "kNotSupported";
    case ErrorCode::kIncompatible:
      return "kIncompatible";
    case ErrorCode::kOutOfMemory:
      return "kOutOfMemory";
    case ErrorCode::kDriver:
      return "kDriver";
    case ErrorCode::kInternal:
      return "kInternal";
  }
  return "an unknown error code";
}

}  // namespace etrt::support
