#pragma once

#include <base/format.h>
#include <etrt/result.h>

namespace etrt::pte {

/// The error for a file that is malformed.
template <class... Parts>
Error invalid_program(const Parts&... parts) {
  return Error(ErrorCode::kInvalidData, base::concat("not a usable ExecuTorch program: ", parts...));
}

}  // namespace etrt::pte
