#pragma once

#include <cstdint>
#include <optional>

#include <cuda/device.h>
#include <cuda/refs.h>
#include <cuda/stream_identity.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// The stream a call runs on.
struct SelectedStream {
  cuda::StreamRef stream;
  std::uint64_t id;       ///< unique for the life of the process, unlike the handle; 0: unknown, in a capture
  bool chosen_by_caller;  ///< a guard chose it: results need not be ready on return
  bool in_capture;        ///< as of this call: captures begin and end under a guard
};

/// Chooses the stream of this call, innermost first: etrt's StreamGuard, ExecuTorch's caller-stream guard, the
/// per-thread default stream. A context of the device must be current. With a guard, one driver call.
///
/// Errors: `kInvalidArgument` for a stream of another device or of no device, `kInvalidState` for the per-thread stream
/// under a green context, where CUDA refuses it.
Result<SelectedStream> select_stream(const cuda::Device& device);

/// What the stream is that the caller has chosen on this thread. None: no guard, or a stream of no known device.
std::optional<cuda::StreamIdentity> caller_stream_identity();

}  // namespace etrt::delegate
