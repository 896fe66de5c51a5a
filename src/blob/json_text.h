#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include <etrt/result.h>

namespace etrt::blob {

using Json = nlohmann::ordered_json;

/// Parses text of unknown origin within the limits of blob/format.h: depth, number of values, keys per object. Rejects
/// what JSON libraries disagree about: duplicate keys, NUL bytes, anything after the value. `kInvalidData` names
/// `what` and the place. Never throws.
Result<Json> parse_json(std::string_view text, std::string_view what);

/// The text that Python's `json.dumps(value, separators=(",", ":"))` would give. Every string in `value` must be UTF-8.
std::string dump_json(const Json& value);

/// `value` for an error message: its text, shortened, on one line, in ASCII.
std::string quote_json(const Json& value);
std::string quote_text(std::string_view text);

}  // namespace etrt::blob
