#pragma once

#include <algorithm>
#include <string_view>

namespace etrt::cli_test {

/// Everything but line feeds that a terminal would act upon.
inline bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char character) {
    const auto code = static_cast<unsigned char>(character);
    return (code < 0x20 && character != '\n') || code == 0x7f;
  });
}

}  // namespace etrt::cli_test
