#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::pte {

/// The file with other data for one delegate. The flatbuffer keeps every byte but the places of the segments and this
/// delegate's reference to one: what is new stands behind it. So nothing gets lost, not even what this version of the
/// schema does not know. The data is a segment afterwards, at a multiple of 128 in the file, so that it can be mapped.
/// `method` and `delegate` count as `inspect` lists them, and must be there.
/// `kInvalidData` for a malformed file, `kNotSupported` for one without a table of segments.
Result<std::vector<std::byte>> replace_delegate_data(Bytes pte, std::size_t method, std::size_t delegate,
                                                     std::span<const std::byte> data);

}  // namespace etrt::pte
