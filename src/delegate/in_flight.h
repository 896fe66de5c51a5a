#pragma once

#include <cuda/driver.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Work that one call has enqueued on a stream. Unless it was waited for or left in flight on purpose, its end waits
/// for it, so that no error path leaves memory in use by the device behind. Waits in relaxed mode, as other threads may
/// be capturing. Threads: belongs to one call. The table must outlive it.
class InFlight {
 public:
  InFlight(const cuda::Driver& driver, cuda::StreamRef stream) : driver_(driver), stream_(stream) {}
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { settle(); }

  /// Call before the first driver call that may enqueue something.
  void begin() { pending_ = true; }

  /// Marks the end of the work with an event.
  Status record(CUevent event);

  /// Waits for the stream: on success, everything enqueued has run.
  Status wait();

  /// Leaves the work in flight; whatever it uses stays untouched until the recorded event.
  void leave() { pending_ = false; }

 private:
  void settle() noexcept;

  const cuda::Driver& driver_;
  cuda::StreamRef stream_;
  bool pending_ = false;
};

}  // namespace etrt::delegate
