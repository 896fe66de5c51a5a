#include <algorithm>
#include <mutex>
#include <tensorrt/captured_log.h>

#include <executorch/runtime/platform/platform.h>

namespace etrt::engine::tensorrt {
namespace {

struct Log {
  std::mutex mutex;
  LogLines lines;
};

Log& log() {
  static Log instance;
  return instance;
}

void receive(et_timestamp_t, et_pal_log_level_t level, const char*, const char*, std::size_t, const char* message,
             std::size_t length) {
  const std::lock_guard lock(log().mutex);
  log().lines.emplace_back(static_cast<char>(level), std::string(message, length));
}

}  // namespace

void capture_log() {
  static_cast<void>(executorch::runtime::register_pal(executorch::runtime::PalImpl::create(receive, __FILE__)));
  const std::lock_guard lock(log().mutex);
  log().lines.clear();
}

LogLines log_lines() {
  const std::lock_guard lock(log().mutex);
  return log().lines;
}

std::ptrdiff_t log_lines_about(const std::string& text) {
  const LogLines lines = log_lines();
  return std::count_if(lines.begin(), lines.end(),
                       [&](const auto& line) { return line.second.find(text) != std::string::npos; });
}

}  // namespace etrt::engine::tensorrt
