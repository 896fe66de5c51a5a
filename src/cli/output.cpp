#include <cstdio>

#include <nlohmann/json.hpp>

#include <cli/output.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

constexpr std::size_t kMaxMessage = 4000;

}  // namespace

Status print(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (written) return {};
  return Error(ErrorCode::kInvalidState, "cannot write the result to standard output");
}

Status print(const nlohmann::ordered_json& document) {
  return print(document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void print_error(const std::string& message) {
  std::fprintf(stderr, "etrt: %s\n", printable(message, kMaxMessage).c_str());
}

void print_note(const std::string& message) {
  print_error("note: " + message);
}

}  // namespace etrt::cli
