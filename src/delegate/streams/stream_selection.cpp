#include <api/guard_access.h>
#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>
#include <cuda/stream_capture.h>
#include <delegate/streams/caller_stream.h>
#include <delegate/streams/stream_selection.h>

namespace etrt::delegate {
namespace {

Error unknown_stream(const cuda::Device& device, CUstream stream) {
  const auto answer = cuda::identify_stream(device.driver, stream);
  return Error(ErrorCode::kInvalidArgument,
               base::concat("the guard's stream is none of ", device.label, ", where the program runs",
                            answer.ok() ? "" : ", or its partition is gone (" + answer.error().message() + ")",
                            ": choose a stream of that device (etrt::Stream::create) and keep its partition"));
}

Result<SelectedStream> checked(const std::optional<cuda::StreamIdentity>& identity, CUstream stream,
                               const cuda::Device& device) {
  if (!identity) return unknown_stream(device, stream);
  if (identity->driver != &device.driver || identity->device != device.ordinal) {
    const bool same_provider = identity->driver == &device.driver;
    const bool is_virtual = same_provider == device.is_virtual;
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("the guard's stream belongs to ", is_virtual ? "virtual:" : "cuda:", identity->device,
                              ", the program runs on ", device.label,
                              ": choose a stream of the program's device, or load the program for the stream's"));
  }
  return SelectedStream{cuda::StreamRef(stream), identity->id, true, identity->id == 0};
}

/// The guard has found out what its stream is; a capture may have begun since.
Result<SelectedStream> of_guard(detail::GuardEntry& guard, const cuda::Device& device) {
  CUstream stream = guard.stream;
  ETRT_TRY_ASSIGN(SelectedStream selected, checked(detail::identity(guard), stream, device));
  if (selected.in_capture) return selected;
  ETRT_TRY_ASSIGN(selected.in_capture, cuda::is_in_capture(device.driver, selected.stream));
  return selected;
}

Result<SelectedStream> per_thread(const cuda::Device& device) {
  const cuda::Driver& driver = device.driver;
  CUcontext current = nullptr;
  ETRT_TRY(cuda::check(driver, driver.cuCtxGetCurrent(&current), "cuCtxGetCurrent"));
  if (current != device.primary) {
    return Error(ErrorCode::kInvalidState,
                 "the current context is not the device's primary one (a green context, perhaps), where CUDA refuses "
                 "the per-thread default stream: choose a stream of that context with etrt::StreamGuard");
  }
  ETRT_TRY_ASSIGN(const auto identity, cuda::identify_stream(driver, CU_STREAM_PER_THREAD));
  return SelectedStream{cuda::per_thread_stream(), identity.id, false, identity.id == 0};
}

}  // namespace

Result<SelectedStream> select_stream(const cuda::Device& device) {
  if (detail::GuardEntry* guard = detail::innermost_guard()) return of_guard(*guard, device);
  if (const auto stream = executorch_caller_stream()) {
    return checked(detail::identify_stream(*stream), *stream, device);
  }
  return per_thread(device);
}

std::optional<cuda::StreamIdentity> caller_stream_identity() {
  if (detail::GuardEntry* guard = detail::innermost_guard()) return detail::identity(*guard);
  const auto stream = executorch_caller_stream();
  return stream ? detail::identify_stream(*stream) : std::nullopt;
}

}  // namespace etrt::delegate
