#include <blob/format.h>
#include <pte/invalid_argument.h>
#include <pte/payloads.h>

namespace etrt::pte {
Status check_payloads(const std::vector<Payload>& payloads) {
  if (payloads.empty()) return invalid_argument("no payloads: nothing to run");
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const Payload& payload = payloads[i];
    if (payload.bytes.size == 0) return invalid_argument("payload ", i, " (", payload.kind, ") has no bytes");
    if (payload.kind.empty()) {
      if (i != 0) return invalid_argument("payload ", i, " has no kind, which only the first may leave open");
      if (!payload.target.empty()) return invalid_argument("payload 0 has a target but no kind");
      continue;
    }
    if (payload.kind != blob::kVariantTensorRt && payload.kind != blob::kVariantTensorRtRtx &&
        payload.kind != blob::kVariantProgram) {
      return invalid_argument("payload ", i, " is of kind \"", payload.kind,
                              "\", must be tensorrt, tensorrt_rtx or program");
    }
  }
  return {};
}

}  // namespace etrt::pte
