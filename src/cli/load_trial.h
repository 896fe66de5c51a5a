#pragma once

#include <optional>
#include <span>
#include <string>

#include <blob/blob.h>
#include <cli/file.h>
#include <cli/inspect_report.h>
#include <delegate/load/variant_selection.h>
#include <etrt/device.h>
#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::cli {

// Loading is the only sure answer to whether something can be loaded. It is tried where it is cheap: for host programs.
// Nothing is run.

struct PayloadTrial {
  Status loads;             ///< ExecuTorch's own reason why not, with the names of operators and backends
  bool lacks_code = false;  ///< the reason is an operator or backend that this etrt lacks; an application may have it
  Status fits;              ///< whether the blob's metadata agrees with it; ok where it does not load
};

/// Loads a host program of a blob for the virtual GPU, and lets it go.
PayloadTrial try_payload(const blob::BlobView& blob, const delegate::Candidate& candidate, const Device& device);

/// Loads a whole method as `etrt run --device virtual` does, and lets it go. Nothing where that would not be cheap: an
/// engine in it, shapes to be warmed up with, more planned memory than half of the machine's.
std::optional<Status> try_method(std::span<const std::byte> program, const MethodReport& method,
                                 const std::optional<MappedFile>& data);

}  // namespace etrt::cli
