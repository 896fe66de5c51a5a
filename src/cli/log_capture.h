#pragma once

#include <string>
#include <vector>

#include <executorch/runtime/core/error.h>

#include <etrt/result.h>

namespace etrt::cli {

/// Why ExecuTorch could not do something, for the user.
struct Reasons {
  std::string text;         ///< empty: it did not say
  bool lacks_code = false;  ///< an operator or a backend is not in this process
};

/// ExecuTorch's log, made fit for a user: errors are kept until the command knows whether it failed, so that a failure
/// is told once and in its own words; the rest is shown with --verbose alone.
/// There is one, because ExecuTorch has one log for the process.
/// Threads: safe; ExecuTorch logs from any thread.
class LogCapture {
 public:
  static LogCapture& instance();

  /// Takes the place of ExecuTorch's own log output. Verbose: every line goes to stderr as it comes.
  void install(bool verbose);

  /// The errors logged since the last call, each once.
  std::vector<std::string> take_errors();

  /// What ExecuTorch, its kernels and its other backends logged since the last call, with the names of all operators
  /// that are missing. Takes the errors logged so far.
  Reasons take_reasons();

  /// An ExecuTorch failure as an error of ours. The reason is what the delegate logged, and what ExecuTorch did, or
  /// else the code's name. Takes the errors logged so far.
  Error explain(const std::string& what, executorch::runtime::Error code);
};

}  // namespace etrt::cli
