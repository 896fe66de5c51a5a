#include <cstddef>
#include <cstdint>

#include <blob/utf8.h>

namespace etrt::blob {
namespace {

struct Lead {
  std::size_t continuation_bytes;
  std::uint32_t bits;
  std::uint32_t smallest;  ///< below it the form is overlong
};

/// `continuation_bytes` is out of range for a byte that starts nothing.
Lead classify(unsigned char byte) noexcept {
  if (byte < 0x80) return {0, byte, 0};
  if ((byte & 0xe0) == 0xc0) return {1, byte & 0x1fU, 0x80};
  if ((byte & 0xf0) == 0xe0) return {2, byte & 0x0fU, 0x800};
  if ((byte & 0xf8) == 0xf0) return {3, byte & 0x07U, 0x10000};
  return {4, 0, 0};
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    const Lead lead = classify(static_cast<unsigned char>(text[at++]));
    if (lead.continuation_bytes > 3 || lead.continuation_bytes > text.size() - at) return false;
    std::uint32_t code_point = lead.bits;
    for (std::size_t i = 0; i < lead.continuation_bytes; ++i) {
      const auto byte = static_cast<unsigned char>(text[at++]);
      if ((byte & 0xc0) != 0x80) return false;
      code_point = code_point << 6 | (byte & 0x3fU);
    }
    const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    if (code_point < lead.smallest || code_point > 0x10ffff || surrogate) return false;
  }
  return true;
}

}  // namespace etrt::blob
