#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace etrt::cli {

/// Longest piece of a file's own text that is shown in a sentence or a table.
inline constexpr std::size_t kShownText = 64;

/// So much of a path, or of a name that a path may be part of.
inline constexpr std::size_t kShownPath = 200;

/// Text from a file or a library, safe to show on a terminal: control characters, invisible and direction-changing
/// characters and broken UTF-8 become escapes such as "\x1b", and what is longer than `limit` characters loses its
/// middle. JSON needs none of this.
std::string printable(std::string_view text, std::size_t limit = kShownText);

/// Width of UTF-8 text on a terminal, for text that `printable` made or that is ours.
std::size_t display_width(std::string_view text);

/// "60 bytes", "59.0 KiB (60456 bytes)"
std::string bytes_text(std::uint64_t bytes);

/// "1 input", "3 inputs", "2 copies"
std::string count_text(std::uint64_t count, std::string_view singular);

/// At least four significant digits, without an exponent: "0.01235", "12.35", "1235", "123457".
std::string number_text(double value);

/// "[64, 1, 8, 8]"
std::string shape_text(std::span<const std::int64_t> shape);
std::string shape_text(std::span<const std::int32_t> shape);

}  // namespace etrt::cli
