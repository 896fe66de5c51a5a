#pragma once

#include <cuda/device.h>
#include <cuda/refs.h>

namespace etrt::memory {

// Waits of the kind after which memory is given back: one that fails proves nothing, and the stronger one is tried, for
// the whole device. False: nobody knows whether the work is over, and what it uses must be left to it. Other threads'
// captures are left alone but by the last resort, which CUDA refuses, and ends, where a stream of the device is in one.

/// For an event that was recorded outside of any capture.
bool wait_for_event(const cuda::Device& device, CUevent event) noexcept;

/// For all that was enqueued on a stream that still exists. What a capture holds does not run, and is not waited for.
bool wait_for_stream(const cuda::Device& device, cuda::StreamRef stream) noexcept;

}  // namespace etrt::memory
