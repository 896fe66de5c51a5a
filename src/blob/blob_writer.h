#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <blob/blob.h>
#include <etrt/result.h>

namespace etrt::blob {

/// A variant to be written. Borrows its bytes until `write_blob` returns.
struct Payload {
  std::string kind;
  std::string target;
  std::span<const std::byte> bytes;
};

/// Writes a blob. `engine` (may be empty) goes to the main place, where every reader of TR01 finds it; `payloads` are
/// listed as variants in the order given and stored behind it. A payload that is the same memory as `engine` is not
/// stored again: its entry says what the engine is. `metadata.variants` is not looked at.
/// Without payloads the result is what pytorch/TensorRT writes for the same metadata, byte for byte.
/// `kInvalidArgument` for metadata or payloads that `BlobView::parse` would refuse, `kNotSupported` for sizes that the
/// format cannot hold. Threads: any.
Result<std::vector<std::byte>> write_blob(const Metadata& metadata, std::span<const std::byte> engine,
                                          std::span<const Payload> payloads = {});

}  // namespace etrt::blob
