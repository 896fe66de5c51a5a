#include <api/guard_access.h>
#include <etrt/stream_guard.h>
#include <process/process.h>

namespace etrt {
namespace {

thread_local StreamGuard* innermost_guard = nullptr;

}  // namespace

StreamGuard::StreamGuard(cudaStream_t stream) noexcept : stream_(stream), outer_(innermost_guard) {
  innermost_guard = this;
  detail::GuardAccess::resolve(*this);
}

StreamGuard::~StreamGuard() {
  innermost_guard = outer_;
}

std::optional<cudaStream_t> StreamGuard::current() noexcept {
  if (innermost_guard == nullptr) return std::nullopt;
  return innermost_guard->stream_;
}

std::optional<cudaEvent_t> last_completion() noexcept {
  if (innermost_guard == nullptr || innermost_guard->last_completion_ == nullptr) return std::nullopt;
  return innermost_guard->last_completion_;
}

std::optional<cudaEvent_t> last_inputs_consumed() noexcept {
  if (innermost_guard == nullptr || innermost_guard->last_inputs_consumed_ == nullptr) return std::nullopt;
  return innermost_guard->last_inputs_consumed_;
}

namespace detail {

void GuardAccess::enqueued(cudaEvent_t inputs_consumed, cudaEvent_t completed) noexcept {
  if (innermost_guard == nullptr) return;
  innermost_guard->last_inputs_consumed_ = inputs_consumed;
  innermost_guard->last_completion_ = completed;
}

StreamGuard* GuardAccess::innermost() noexcept {
  return innermost_guard;
}

std::optional<cuda::StreamIdentity> GuardAccess::identify(CUstream stream) {
  return process::Process::instance().devices().identify(stream);
}

void GuardAccess::resolve(StreamGuard& guard) noexcept {
  try {
    if (const auto identity = identify(guard.stream_)) {
      guard.driver_ = identity->driver;
      guard.device_ = identity->device;
      guard.stream_id_ = identity->id;
    }
  } catch (...) {
    // Out of memory: the guard stays unresolved, and execute() asks again.
  }
}

std::optional<cuda::StreamIdentity> GuardAccess::identity(StreamGuard& guard) {
  if (guard.driver_ == nullptr || guard.stream_id_ == 0) resolve(guard);
  if (guard.driver_ == nullptr) return std::nullopt;
  return cuda::StreamIdentity{static_cast<const cuda::Driver*>(guard.driver_), guard.device_, guard.stream_id_};
}

}  // namespace detail
}  // namespace etrt
