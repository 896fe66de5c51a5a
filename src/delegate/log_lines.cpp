#include <algorithm>

#include <executorch/runtime/platform/log.h>

#include <base/format.h>
#include <delegate/log_lines.h>

namespace etrt::delegate {
namespace {

/// How much of `text` goes into a line of `limit` bytes: up to the end of a sentence or a list's item in the second
/// half of it, else up to a blank, else as much as fits without dividing a character of UTF-8.
std::size_t line_end(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text.size();
  const std::string_view line = text.substr(0, limit);
  for (const std::string_view end : {"; ", ". ", ": "}) {
    const auto at = line.rfind(end);
    if (at != std::string_view::npos && at >= limit / 2) return at + end.size();
  }
  if (const auto blank = line.rfind(' '); blank != std::string_view::npos && blank >= limit / 2) return blank + 1;
  std::size_t end = limit;
  while (end > 1 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  return end;
}

}  // namespace

std::vector<std::string> to_log_lines(std::string_view where, std::string_view message) {
  std::vector<std::string> lines;
  std::string line = base::concat("TensorRTBackend::", where, ": ");
  while (true) {
    const std::size_t end = line_end(message, kLogLine - std::min(line.size(), kLogLine / 2));
    line += message.substr(0, end);
    lines.push_back(std::move(line));
    message.remove_prefix(end);
    if (message.empty()) return lines;
    line = kLogContinues;
  }
}

void log_error(std::string_view where, std::string_view message) {
  for (const std::string& line : to_log_lines(where, message)) ET_LOG(Error, "%s", line.c_str());
}

}  // namespace etrt::delegate
