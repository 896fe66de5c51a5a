#include <api/guard_access.h>
#include <etrt/stream_guard.h>
#include <process/process.h>

namespace etrt {
namespace {

std::atomic<void (*)(const char*)> log_misuse{nullptr};

/// Once a process: the program has the fault in its text, and would say so at every call.
void tell_misuse() noexcept {
  if (auto* const log = log_misuse.exchange(nullptr)) {
    log("etrt::StreamGuard: a guard ended out of order, or on another thread than the one that made it; the guards "
        "that live go on to count in the order in which they began. End each on its own thread, the innermost first");
  }
}

void resolve(detail::GuardEntry& guard) {
  if (const auto identity = process::Process::instance().devices().identify(guard.stream)) guard.identity = identity;
}

}  // namespace

StreamGuard::StreamGuard(cudaStream_t stream) noexcept : entry_(&detail::GuardTable::begin(stream)) {
  try {
    resolve(*entry_);
  } catch (...) {
    // Out of memory: the guard stays unresolved, and execute() asks again.
  }
}

StreamGuard::~StreamGuard() {
  if (!detail::GuardTable::end(*entry_)) tell_misuse();
}

std::optional<cudaStream_t> StreamGuard::current() noexcept {
  const detail::GuardEntry* guard = detail::innermost_guard();
  if (guard == nullptr) return std::nullopt;
  return guard->stream;
}

std::optional<cudaEvent_t> last_completion() noexcept {
  const detail::GuardEntry* guard = detail::innermost_guard();
  if (guard == nullptr || guard->last_completion == nullptr) return std::nullopt;
  return guard->last_completion;
}

std::optional<cudaEvent_t> last_inputs_consumed() noexcept {
  const detail::GuardEntry* guard = detail::innermost_guard();
  if (guard == nullptr || guard->last_inputs_consumed == nullptr) return std::nullopt;
  return guard->last_inputs_consumed;
}

namespace detail {

GuardEntry* innermost_guard() noexcept {
  GuardTable* const table = GuardTable::current();
  return table == nullptr ? nullptr : table->innermost();
}

void enqueued_under_guard(cudaEvent_t inputs_consumed, cudaEvent_t completed) noexcept {
  GuardEntry* const guard = innermost_guard();
  if (guard == nullptr) return;
  guard->last_inputs_consumed = inputs_consumed;
  guard->last_completion = completed;
}

std::optional<cuda::StreamIdentity> identity(GuardEntry& guard) {
  if (!guard.identity || guard.identity->id == 0) resolve(guard);
  return guard.identity;
}

std::optional<cuda::StreamIdentity> identify_stream(CUstream stream) {
  return process::Process::instance().devices().identify(stream);
}

void log_guard_misuse_with(void (*log)(const char* message)) noexcept {
  log_misuse.store(log);
}

}  // namespace detail
}  // namespace etrt
