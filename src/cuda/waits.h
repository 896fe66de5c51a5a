#pragma once

#include <cuda/device.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::cuda {

// Waits that leave the captures of other threads alone.

/// Waits whose failure somebody is told of.
Status synchronize(const Driver& driver, StreamRef stream);
Status synchronize(const Driver& driver, CUevent event);

// Waits of the kind after which memory is given back: one that fails proves nothing, and the stronger one is tried, for
// the whole device. False: nobody knows whether the work is over, and what it uses must be left to it. That last resort
// is refused by CUDA, and ends the capture, where a stream of the device is in one.

/// For an event that was recorded outside of any capture.
bool wait_for_event(const Device& device, CUevent event) noexcept;

/// For all that was enqueued on a stream that still exists. What a capture holds does not run, and is not waited for.
bool wait_for_stream(const Device& device, StreamRef stream) noexcept;

/// For all work of the device, green contexts included.
bool wait_for_device(const Device& device) noexcept;

}  // namespace etrt::cuda
