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
constexpr std::string_view kNoData = "external_data_map is null";
constexpr std::string_view kNoDataText =
    "its weights are in a .ptd file, which a program that is not nested gets by --data";
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

bool is_delegates_reason(const std::string& line) {
  return line.starts_with(kDelegate) && line.find(": warning: ") == std::string::npos;
}

void add_item(std::string& list, std::string_view separator, std::string_view item) {
  list += base::concat(list.empty() ? "" : separator, item);
}

/// Of each failure ExecuTorch logs what went wrong, and then that something did.
Reasons reasons_in(const std::vector<std::string>& lines) {
  constexpr std::string_view kMissing = "Missing operator: ";
  Reasons reasons;
  std::string operators;
  for (const std::string& line : lines) {
    if (line.starts_with(kMissing)) add_item(operators, ", ", line.substr(std::min(line.find("] ") + 2, line.size())));
  }
  for (const std::string& line : lines) {
    const bool repeats = line.starts_with("Init failed for backend") || line.starts_with("There are ") ||
                         line.starts_with("CALL_DELEGATE execute failed") || line.starts_with(kMissing) ||
                         (!operators.empty() && line.starts_with("kernel '"));
    if (repeats || line.starts_with(kDelegate)) continue;
    reasons.lacks_code |= line.find("is not registered") != std::string::npos;
    add_item(reasons.text, "; ", line == kNoData ? kNoDataText : std::string_view(line));
  }
  if (operators.empty()) return reasons;
  add_item(reasons.text, "; ", "this etrt lacks the operators " + operators);
  reasons.lacks_code = true;
  return reasons;
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

Reasons LogCapture::take_reasons() {
  return reasons_in(take_errors());
}

Error LogCapture::explain(const std::string& what, et::Error code) {
  const std::vector<std::string> lines = take_errors();
  const Reasons reasons = reasons_in(lines);
  const auto delegate = std::find_if(lines.begin(), lines.end(), is_delegates_reason);
  if (delegate != lines.end()) {
    return Error(ErrorCode::kInternal,
                 base::concat(what, ": ", without_place(*delegate), reasons.text.empty() ? "" : ": ", reasons.text));
  }
  if (reasons.text.empty()) {
    return Error(ErrorCode::kInternal, base::concat(what, ": ExecuTorch gives error ", et::to_string(code)));
  }
  return Error(ErrorCode::kInternal,
               base::concat(what, ": ", reasons.text, " (ExecuTorch error ", et::to_string(code), ")"));
}

}  // namespace etrt::cli
