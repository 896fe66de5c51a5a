#pragma once

#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string_view>
#include <system_error>

#include <vgpu/machine.h>

namespace etrt::vgpu {

/// What an entry point wants before it does anything.
enum class Needs {
  kInit,     ///< cuInit was called
  kContext,  ///< and a live context is current
};

/// One call of an entry point: holds the machine's lock, knows the calling thread, and applies the rules that every
/// call shares: contexts, stream handles, captures. Order reports made meanwhile are delivered when it ends, unlocked.
/// Threads: belongs to the calling thread.
class Call {
 public:
  explicit Call(Machine& machine) : lock(machine.mutex), machine(machine), thread(machine.this_thread()) {}
  ~Call() { machine.deliver_reports(lock); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Why the call may not go on, or CUDA_SUCCESS.
  CUresult admit(Needs needs) const;

  /// The current context; there is one after `admit(Needs::kContext)`.
  Context& context() const { return *thread.contexts.back(); }
  bool has_context() const { return thread.current() != nullptr && thread.current()->active; }

  /// The stream that `handle` names for this thread. Special handles need a current context.
  CUresult find(CUstream handle, std::shared_ptr<Stream>& stream);

  /// `find`, and whether work may be put into the stream now; a stream that can have no worker takes none. A use of the
  /// legacy stream that conflicts with a capture invalidates the capture.
  CUresult find_for_work(CUstream handle, std::shared_ptr<Stream>& stream);

  /// Refuses a call that CUDA calls potentially unsafe, when a capture forbids it; that capture is invalidated.
  /// `waits`: the call makes the host wait.
  CUresult refuse_in_capture(std::string_view name, bool waits = false);

  /// A stream that is capturing cannot be waited for or queried; trying invalidates the capture.
  CUresult refuse_capturing(const Stream& stream, std::string_view name, bool waits);

  /// Invalidates the captures that the legacy stream would wait for. Whether there were any.
  bool conflicts_with_captures(const Stream& legacy, bool invalidate);

  std::unique_ptr<Operation> operation() { return machine.operations.take(); }

  /// Notes for the order checker that `operation` touches `bytes` at `address`.
  void declare(Operation& operation, std::uint64_t address, std::uint64_t bytes, bool write) const;

  /// Puts `operation` into the stream, or into its capture. `find_for_work` has allowed it.
  void submit(const std::shared_ptr<Stream>& stream, std::unique_ptr<Operation> operation);

  /// Delivers order reports now; releases the lock meanwhile.
  void deliver_reports() {
    machine.deliver_reports(lock);
    lock.lock();
  }

  void wait(const Point& point) { Machine::wait(lock, point); }

  std::unique_lock<std::mutex> lock;
  Machine& machine;
  ThreadState& thread;

 private:
  void add_node(Stream& stream, std::unique_ptr<Operation> operation);
};

/// Runs the body of an entry point: `body(call)` returns its CUresult. No exception leaves it. A forked child is told
/// what CUDA tells it; its lock may be one that nobody gives back.
template <class Body>
CUresult enter(Machine& machine, Needs needs, Body&& body) noexcept {
  if (machine.forked()) return CUDA_ERROR_NOT_INITIALIZED;
  try {
    Call call(machine);
    if (const CUresult refused = call.admit(needs); refused != CUDA_SUCCESS) return refused;
    return body(call);
  } catch (const std::bad_alloc&) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  } catch (const std::system_error&) {
    return CUDA_ERROR_OUT_OF_MEMORY;  // No more threads: that limit is one of resources, too.
  } catch (...) {
    return CUDA_ERROR_UNKNOWN;
  }
}

/// The number behind an enumerator that came from outside and may be none: to read it as one is undefined.
template <class Enum>
int number_of(const Enum& value) {
  static_assert(sizeof(Enum) == sizeof(int));
  int number;
  std::memcpy(&number, &value, sizeof(number));
  return number;
}

/// The object behind `handle`, or null.
template <class Handle, class Object>
std::shared_ptr<Object> lookup(const Registry<Handle, Object>& registry, Handle handle) {
  const auto found = registry.find(handle);
  return found == registry.end() ? nullptr : found->second;
}

}  // namespace etrt::vgpu
