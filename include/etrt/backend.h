#pragma once

#include <etrt/export.h>

namespace etrt {

/// Whether etrt registered itself with ExecuTorch as `TensorRTBackend` when its library was loaded. False when another
/// delegate holds the name already, or ExecuTorch's table of backends was full; the reason is in ExecuTorch's log.
ETRT_API bool is_registered() noexcept;

}  // namespace etrt
