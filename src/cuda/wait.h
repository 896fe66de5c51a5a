#pragma once

#include <optional>

#include <cuda/driver.h>
#include <cuda/refs.h>

namespace etrt::cuda {

/// What may be waited for to know that some work is over, the narrowest first.
struct LastUse {
  std::optional<CUevent> event = std::nullopt;     ///< recorded behind the work
  std::optional<StreamRef> stream = std::nullopt;  ///< that the work was enqueued on, and that still exists
  CUcontext context = nullptr;                     ///< the device's primary context
};

/// Waits until the work is over. A wait that failed is no wait: the next stronger one is tried, the event's, the
/// stream's, then that for all work of the device. False: none succeeded, nothing is known, and whatever the work uses
/// must neither be freed nor be used again. Leaves captures of other threads alone; the work must be in none.
/// Threads: safe.
bool wait_until_over(const Driver& driver, const LastUse& use) noexcept;

}  // namespace etrt::cuda
