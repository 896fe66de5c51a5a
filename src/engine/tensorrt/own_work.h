#pragma once

#include <span>

#include <cuda/device.h>

namespace etrt::engine::tensorrt {

/// Waits until the work that an engine enqueued on streams of its own is over. A wait that failed is no wait: then the
/// whole device is waited for. False when nothing proves the end. No stream may be in capture.
bool wait_for_end(const cuda::Device& device, std::span<const CUstream> streams);

/// Says in the log what is never freed, "execution context" or "engine", and why.
void tell_abandoned(const char* what, const char* why);

}  // namespace etrt::engine::tensorrt
