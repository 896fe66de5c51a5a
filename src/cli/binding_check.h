#pragma once

#include <blob/blob.h>
#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::cli {

/// Whether what a blob says of its bindings agrees with what the method hands to the delegate: as many, the same types
/// and ranks, the same extents where they are fixed, and bounds that hold all that the method may pass. The delegate
/// itself sees none of that before the first call. `kInvalidData` names the binding.
Status check_bindings(const blob::Metadata& metadata, const pte::DelegateInfo& delegate);

}  // namespace etrt::cli
