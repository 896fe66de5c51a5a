#pragma once

#include <cuda/device.h>
#include <delegate/streams/stream_selection.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Work that one call has enqueued on a stream, from the first copy on. Unless it was waited for or left in flight on
/// purpose, its end waits for it, so that no error path leaves memory in use by the device behind. Captured work does
/// not run, and is not waited for.
/// Threads: belongs to one call. The device must outlive it, and so must `unproven`, which it sets when every wait
/// failed: what the work uses may be in use for ever then.
class InFlight {
 public:
  InFlight(const cuda::Device& device, const SelectedStream& stream, bool& unproven)
      : device_(device), stream_(stream), unproven_(unproven) {}
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight();

  /// Waits for the stream: on success, everything enqueued has run.
  Status wait();

  /// Leaves the work in flight; whatever it uses stays untouched until an event that was recorded behind it.
  void let_go() { pending_ = false; }

 private:
  const cuda::Device& device_;
  const SelectedStream& stream_;
  bool& unproven_;
  bool pending_ = true;
};

}  // namespace etrt::delegate
