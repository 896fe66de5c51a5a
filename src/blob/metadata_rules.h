#pragma once

#include <string>
#include <string_view>

#include <blob/blob.h>
#include <etrt/result.h>

namespace etrt::blob {

/// What every metadata must keep to, whether it was read or is to be written: names present, UTF-8 and unique, shapes
/// and their bounds consistent, aliases between known bindings, each used once. `variants` are checked against the
/// blob they are in, not here. `kInvalidData` names the field, the value and the limit.
Status check_metadata(const Metadata& metadata);

/// The same for the words of one variant; `field` is its name in errors.
Status check_variant_text(std::string_view kind, std::string_view target, const std::string& field);

}  // namespace etrt::blob
