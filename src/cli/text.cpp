#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <base/format.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

struct Character {
  char32_t code;
  std::size_t bytes;  ///< 0: the text is no UTF-8 here
};

/// The character at the start of `text`, which is not empty.
Character decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {0, 0};
  char32_t code = first & (0xff >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < kSmallest[bytes] || code > 0x10ffff || surrogate) return {0, 0};
  return {code, bytes};
}

/// Characters that move the cursor, reorder the line, or cannot be seen.
bool is_harmful(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad || code == 0x61c ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || (code >= 0xe0000 && code <= 0xe0fff);
}

std::string escaped(const char* format, unsigned value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, value);
  return text.data();
}

/// One element for each character as it is shown.
std::vector<std::string> shown_characters(std::string_view text) {
  std::vector<std::string> shown;
  while (!text.empty()) {
    const Character character = decode(text);
    if (character.bytes == 0) {
      shown.push_back(escaped("\\x%02x", static_cast<unsigned char>(text[0])));
      text.remove_prefix(1);
      continue;
    }
    if (!is_harmful(character.code)) {
      shown.emplace_back(text.substr(0, character.bytes));
    } else {
      shown.push_back(escaped(character.code < 0x100 ? "\\x%02x" : "\\u%04x", character.code));
    }
    text.remove_prefix(character.bytes);
  }
  return shown;
}

template <class T>
std::string joined_shape(std::span<const T> shape) {
  std::string text = "[";
  for (const T size : shape) text += base::concat(text.size() > 1 ? ", " : "", size);
  return text + "]";
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  // A character has at most four bytes, so no more than this can be shown of either end.
  std::string shortened;
  if (text.size() / 8 > limit) {
    shortened = base::concat(text.substr(0, limit * 4), text.substr(text.size() - limit * 4));
    text = shortened;
  }
  const std::vector<std::string> shown = shown_characters(text);
  std::string result;
  const bool cut = shown.size() > limit;
  const std::size_t tail = cut ? limit / 3 : 0;
  const std::size_t head = cut ? limit - tail - 1 : shown.size();
  for (std::size_t i = 0; i < head; ++i) result += shown[i];
  if (cut) result += "…";
  for (std::size_t i = shown.size() - tail; i < shown.size(); ++i) result += shown[i];
  return result;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char byte : text) width += (static_cast<unsigned char>(byte) & 0xc0) != 0x80 ? 1 : 0;
  return width;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 1024) return count_text(bytes, "byte");
  constexpr std::array<const char*, 5> kUnits{"KiB", "MiB", "GiB", "TiB", "PiB"};
  double scaled = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (scaled >= 1024 && unit + 1 < kUnits.size()) {
    scaled /= 1024;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %s", scaled, kUnits[unit]);
  return base::concat(text.data(), " (", bytes, " bytes)");
}

std::string count_text(std::uint64_t count, std::string_view singular) {
  if (count == 1) return base::concat("1 ", singular);
  const bool ends_in_y = singular.ends_with('y') && !singular.ends_with("ey");
  if (ends_in_y) return base::concat(count, " ", singular.substr(0, singular.size() - 1), "ies");
  return base::concat(count, " ", singular, "s");
}

std::string number_text(double value) {
  if (!std::isfinite(value)) return "-";
  if (value == 0) return "0";
  constexpr int kDigits = 4;
  // Enough for the largest and the smallest number there is.
  std::array<char, 352> text{};
  // The exponent after rounding: 999.96 has four digits before its point.
  std::snprintf(text.data(), text.size(), "%.*e", kDigits - 1, value);
  const int exponent = std::atoi(std::strchr(text.data(), 'e') + 1);
  std::snprintf(text.data(), text.size(), "%.*f", std::max(kDigits - 1 - exponent, 0), value);
  return text.data();
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return joined_shape(shape);
}
std::string shape_text(std::span<const std::int32_t> shape) {
  return joined_shape(shape);
}

}  // namespace etrt::cli
