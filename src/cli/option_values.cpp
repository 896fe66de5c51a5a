#include <charconv>
#include <optional>
#include <string_view>

#include <base/format.h>
#include <blob/format.h>
#include <cli/option_values.h>
#include <delegate/load/warm_up.h>

namespace etrt::cli {
namespace {

/// All of the text as a number; nothing when it is anything else.
template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <class T>
std::string message_of(const Result<T>& parsed) {
  return parsed.ok() ? std::string() : parsed.error().message();
}

}  // namespace

std::string check_device(const std::string& text) {
  constexpr std::uint16_t kMostDevices = 9999;
  if (text == "auto") return {};
  for (const std::string_view provider : {"cuda", "virtual"}) {
    if (text == provider) return {};
    if (!text.starts_with(base::concat(provider, ":"))) continue;
    const auto number = whole_number<std::uint16_t>(std::string_view(text).substr(provider.size() + 1));
    if (number && *number <= kMostDevices) return {};
  }
  return base::concat("'", text, "' is no device name: use auto, cuda:N, virtual or virtual:N");
}

std::string check_seed(const std::string& text) {
  return whole_number<std::uint64_t>(text) ? "" : "'" + text + "' is no whole number from 0 up";
}

std::string check_number(const std::string& text, int least, int most) {
  const auto number = whole_number<int>(text);
  if (number && *number >= least && *number <= most) return {};
  return base::concat("'", text, "' is no number from ", least, " to ", most);
}

std::string check_bytes(const std::string& text) {
  const auto number = whole_number<std::int64_t>(text);
  return number && *number >= 0 ? "" : "'" + text + "' is no number of bytes, 0 or above";
}

std::string check_shapes(const std::string& text) {
  return message_of(delegate::parse_shape_sets(text));
}

std::string check_library(const std::string& text) {
  if (text.empty()) return "an empty path is no library";
  return text.find(':') == std::string::npos ? "" : "'" + text + "' has a ':', which separates libraries";
}

Result<PackOptions::Variant> parse_variant(const std::string& text) {
  const auto colon = text.find(':');
  const std::string head = text.substr(0, colon);
  const auto at = head.find('@');
  PackOptions::Variant variant{head.substr(0, at), at == std::string::npos ? "" : head.substr(at + 1), ""};
  if (colon != std::string::npos) variant.path = text.substr(colon + 1);
  const bool known = variant.kind == blob::kVariantProgram || variant.kind == blob::kVariantTensorRt ||
                     variant.kind == blob::kVariantTensorRtRtx;
  if (known && !variant.path.empty()) return variant;
  return Error(ErrorCode::kInvalidArgument,
               "'" + text +
                   "' is no variant: use program:P.pte, tensorrt:ENGINE or tensorrt_rtx:ENGINE, with a target "
                   "as in tensorrt@sm_89:ENGINE");
}

std::string check_variant(const std::string& text) {
  return message_of(parse_variant(text));
}

Result<pte::CompileSpec> parse_compile_spec(const std::string& text) {
  const auto equals = text.find('=');
  if (equals != std::string::npos && equals > 0)
    return pte::CompileSpec{text.substr(0, equals), text.substr(equals + 1)};
  return Error(ErrorCode::kInvalidArgument, "'" + text + "' is no compile spec: use KEY=VALUE");
}

std::string check_compile_spec(const std::string& text) {
  return message_of(parse_compile_spec(text));
}

}  // namespace etrt::cli
