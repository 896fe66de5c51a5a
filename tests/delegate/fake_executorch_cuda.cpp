// Stands in for ExecuTorch's CUDA extension: the one function that the delegate looks up.

#include <optional>

#include <cuda.h>

namespace {

thread_local std::optional<CUstream> caller_stream;

}  // namespace

namespace executorch::extension::cuda {

__attribute__((visibility("default"))) std::optional<CUstream> getCallerStream() {
  return caller_stream;
}

}  // namespace executorch::extension::cuda

extern "C" __attribute__((visibility("default"))) void set_caller_stream(CUstream stream) {
  caller_stream = stream;
}
extern "C" __attribute__((visibility("default"))) void clear_caller_stream() {
  caller_stream.reset();
}
