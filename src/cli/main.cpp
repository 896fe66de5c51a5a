// The etrt command line: reads the arguments, runs one command, and tells how it went.

#include <exception>
#include <new>

#include <cli/command_line.h>
#include <cli/log_capture.h>
#include <cli/output.h>

namespace {

using etrt::cli::LogCapture;

/// Libraries may throw; a command line tells its user what happened instead of ending in a core dump.
etrt::Status contained(const std::function<etrt::Status()>& command) {
  try {
    return command();
  } catch (const std::bad_alloc&) {
    return etrt::Error(etrt::ErrorCode::kOutOfMemory, "out of memory");
  } catch (const std::exception& exception) {
    return etrt::Error(etrt::ErrorCode::kInternal, std::string("unexpected: ") + exception.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto invocation = etrt::cli::parse_command_line(argc, argv);
  if (!invocation.command) return invocation.exit_code;
  LogCapture::instance().install(invocation.verbose);
  const etrt::Status status = contained(invocation.command);
  if (!status.ok()) {
    etrt::cli::print_error(status.error().message());
    return etrt::cli::kExitFailed;
  }
  // What went wrong on the way without failing the command.
  for (const std::string& line : LogCapture::instance().take_errors()) etrt::cli::print_error(line);
  return etrt::cli::kExitOk;
}
