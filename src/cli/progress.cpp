#include <cstdio>
#include <unistd.h>

#include <cli/progress.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kInterval = std::chrono::milliseconds(200);

}  // namespace

Progress::Progress(const std::string& what)
    : what_(printable(what)), on_terminal_(::isatty(STDERR_FILENO) == 1), next_(Clock::now() + kInterval) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::update(std::size_t done, std::size_t total) {
  if (!on_terminal_) return;
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + kInterval;
  shown_ = true;
  std::fprintf(stderr, "\r\x1b[K%s: %zu of %zu", what_.c_str(), done, total);
  std::fflush(stderr);
}

}  // namespace etrt::cli
