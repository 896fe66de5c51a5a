#pragma once

#include <string>
#include <string_view>

#include <blob/blob.h>
#include <etrt/result.h>

namespace etrt::blob {

/// Reads the metadata of a blob, or an I/O description that uses the same keys. Applies `check_metadata`; the offsets
/// of variants are taken as they are. `kInvalidData` names the field, what was found and what must be there.
Result<Metadata> metadata_from_json(std::string_view text);

/// The metadata as JSON text, with `metadata.variants` as they are. Without variants, bounds and unknown keys it is
/// what pytorch/TensorRT writes, byte for byte. `metadata` has passed `check_metadata`; `kInvalidArgument` when its
/// `extra` texts are not JSON objects.
Result<std::string> metadata_to_json(const Metadata& metadata);

}  // namespace etrt::blob
