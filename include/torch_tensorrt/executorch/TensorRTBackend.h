#pragma once

// The API of pytorch/TensorRT's ExecuTorch delegate, so that programs written against it compile and run unchanged.

#include <executorch/runtime/backend/interface.h>

#include <etrt/export.h>
#include <etrt/stream_guard.h>

#if __has_include(<cuda_runtime_api.h>)
#include <cuda_runtime_api.h>
#endif

namespace torch_tensorrt::executorch_backend {

/// `{ CudaStreamGuard guard(stream); module.forward(inputs); }`: see etrt::StreamGuard, which it is.
using CudaStreamGuard = ::etrt::StreamGuard;

/// The delegate that etrt registers with ExecuTorch as "TensorRTBackend". It has no state; handles have.
///
/// Threads: safe. One handle may execute on several threads at once, each on its own stream.
/// Errors: InvalidProgram for a malformed blob; InvalidArgument for options, shapes, memory or streams that cannot be
/// right; InvalidType for an element type; InvalidState for a call that the stream's state forbids (in capture, under
/// a green context without a guard); DelegateInvalidCompatibility when nothing in the blob runs on the device;
/// NotFound for a device that is not there; MemoryAllocationFailed; AccessFailed when a driver call failed. The reason
/// is in ExecuTorch's log.
class ETRT_API TensorRTBackend final : public ::executorch::runtime::BackendInterface {
 public:
  bool is_available() const override;

  /// Loads the first variant of the blob that runs on the chosen device; etrt/options.h lists the options.
  ::executorch::runtime::Result<::executorch::runtime::DelegateHandle*> init(
      ::executorch::runtime::BackendInitContext& context, ::executorch::runtime::FreeableBuffer* processed,
      ::executorch::runtime::ArrayRef<::executorch::runtime::CompileSpec> compile_specs) const override;

  /// Runs the program on the stream that the innermost guard chose. docs/contract.md says when it returns with the
  /// work in flight and when results are ready.
  ::executorch::runtime::Error execute(::executorch::runtime::BackendExecutionContext& context,
                                       ::executorch::runtime::DelegateHandle* handle,
                                       ::executorch::runtime::Span<::executorch::runtime::EValue*> args) const override;

  /// Waits for the handle's own work, then frees it; its streams may be destroyed already.
  void destroy(::executorch::runtime::DelegateHandle* handle) const override;
};

}  // namespace torch_tensorrt::executorch_backend
