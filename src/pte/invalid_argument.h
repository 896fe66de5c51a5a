#pragma once

#include <base/format.h>
#include <etrt/result.h>

namespace etrt::pte {

/// The error for a call that asks for what cannot be written.
template <class... Parts>
Error invalid_argument(const Parts&... parts) {
  return Error(ErrorCode::kInvalidArgument, base::concat(parts...));
}

}  // namespace etrt::pte
