#pragma once

#include <span>

#include <cuda/current_context.h>
#include <cuda/device.h>

namespace etrt::engine::tensorrt {

// For work that an engine enqueued on streams of its own, and for destructors, which must not give up at the first
// refusal of the driver.

/// The device's primary context. A push that fails is tried once more.
Result<cuda::CurrentContext> push_primary(const cuda::Device& device);

/// Waits until the work on `streams` is over. A wait that failed is no wait: then the whole context is waited for,
/// green ones included. False when nothing proves the end. No stream may be in capture.
bool wait_for_end(const cuda::Device& device, std::span<const CUstream> streams);
bool wait_for_context(const cuda::Device& device);

}  // namespace etrt::engine::tensorrt
