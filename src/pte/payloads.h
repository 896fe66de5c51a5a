#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::pte {

inline std::span<const std::byte> as_span(Bytes bytes) {
  return {static_cast<const std::byte*>(bytes.data), bytes.size};
}

/// Whether these are payloads at all: some, each with bytes, of a kind that the format has. The first may leave its
/// kind open. `kInvalidArgument` names the payload.
Status check_payloads(const std::vector<Payload>& payloads);

}  // namespace etrt::pte
