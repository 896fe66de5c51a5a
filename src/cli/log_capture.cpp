#include <algorithm>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <thread>

#include <executorch/runtime/platform/platform.h>

#include <base/format.h>
#include <cli/log_capture.h>
#include <cli/text.h>
#include <delegate/log_lines.h>

namespace etrt::cli {
namespace {

namespace et = executorch::runtime;

constexpr std::string_view kDelegate = "TensorRTBackend";
constexpr std::size_t kMaxKept = 64;
constexpr std::size_t kMaxLine = 4000;

struct Line {
  std::thread::id thread;
  std::string text;
};

struct Kept {
  std::mutex mutex;
  bool verbose = false;
  std::vector<Line> errors;
};

/// Never destroyed: statics of other libraries may log as the process ends.
Kept& kept() {
  static Kept* const instance = new Kept();
  return *instance;
}

/// The delegate's long messages come in several lines; those of one thread follow one another.
bool continues(std::vector<Line>& errors, std::string_view text) {
  if (!text.starts_with(delegate::kLogContinues)) return false;
  const auto begun = std::find_if(errors.rbegin(), errors.rend(),
                                  [](const Line& line) { return line.thread == std::this_thread::get_id(); });
  if (begun == errors.rend()) return false;
  begun->text += text.substr(delegate::kLogContinues.size());
  return true;
}

void receive(et_timestamp_t, et_pal_log_level_t level, const char* file, const char*, std::size_t line,
             const char* message, std::size_t length) {
  Kept& log = kept();
  const std::string_view text(message, length);
  const std::lock_guard lock(log.mutex);
  if (log.verbose) {
    std::fprintf(stderr, "%c %s:%zu %s\n", static_cast<char>(level), file, line, printable(text, kMaxLine).c_str());
  }
  if (level != kError && level != kFatal) return;
  // A fatal line is followed by abort(): it has to be seen now.
  if (level == kFatal && !log.verbose) std::fprintf(stderr, "etrt: %s\n", printable(text, kMaxLine).c_str());
  if (continues(log.errors, text) || log.errors.size() >= kMaxKept) return;
  log.errors.push_back({std::this_thread::get_id(), std::string(text)});
}

/// "TensorRTBackend::init: reason" without the place, which says nothing to a user.
std::string_view without_place(std::string_view line) {
  if (!line.starts_with(kDelegate)) return line;
  const auto end = line.find(": ");
  return end == std::string_view::npos ? line : line.substr(end + 2);
}

}  // namespace

LogCapture& LogCapture::instance() {
  static LogCapture capture;
  return capture;
}

void LogCapture::install(bool verbose) {
  {
    const std::lock_guard lock(kept().mutex);
    kept().verbose = verbose;
  }
  // A second registration is refused; the first one is then ours already.
  static_cast<void>(et::register_pal(et::PalImpl::create(receive, __FILE__)));
}

std::vector<std::string> LogCapture::take_errors() {
  const std::lock_guard lock(kept().mutex);
  std::vector<std::string> texts;
  for (Line& line : std::exchange(kept().errors, {})) {
    if (std::find(texts.begin(), texts.end(), line.text) == texts.end()) texts.push_back(std::move(line.text));
  }
  return texts;
}

Error LogCapture::explain(const std::string& what, et::Error code) {
  const std::vector<std::string> lines = take_errors();
  const auto delegate =
      std::find_if(lines.begin(), lines.end(), [](const std::string& line) { return line.starts_with(kDelegate); });
  if (delegate != lines.end()) return Error(ErrorCode::kInternal, base::concat(what, ": ", without_place(*delegate)));
  if (lines.empty()) {
    return Error(ErrorCode::kInternal, base::concat(what, ": ExecuTorch gives error ", et::to_string(code)));
  }
  return Error(ErrorCode::kInternal,
               base::concat(what, ": ", lines.front(), " (ExecuTorch error ", et::to_string(code), ")"));
}

}  // namespace etrt::cli
