#pragma once

#include <functional>

#include <etrt/result.h>

namespace etrt::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;      ///< the command was understood and did not succeed
inline constexpr int kExitBadCommand = 2;  ///< the command line makes no sense

/// What a command line asks for: something to run, or an exit code when all is said already.
struct Invocation {
  std::function<Status()> command;
  bool verbose = false;
  int exit_code = kExitOk;  ///< when there is no command
};

/// Reads the command line; prints help and version, and what is wrong with it.
Invocation parse_command_line(int argc, const char* const* argv);

}  // namespace etrt::cli
