#include <cstdlib>
#include <fstream>
#include <sstream>
#include <sys/wait.h>

#include <cli/process.h>
#include <cli/temporary_directory.h>

namespace etrt::cli_test {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char character : text) result += character == '\'' ? std::string("'\\''") : std::string(1, character);
  return result + "'";
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
  return stream << "exit code " << outcome.exit_code << "\nstdout:\n" << outcome.out << "\nstderr:\n" << outcome.err;
}

Outcome run_etrt(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
                 const std::string& out) {
  const TemporaryDirectory directory;
  std::string command = "env ETRT_CUDA_LIBRARY=none";
  for (const std::string& setting : environment) command += " " + quoted(setting);
  command += " " + quoted(ETRT_PROGRAM);
  for (const std::string& argument : arguments) command += " " + quoted(argument);
  command +=
      " >" + quoted(out.empty() ? directory.path("out") : out) + " 2>" + quoted(directory.path("err")) + " </dev/null";
  const int status = std::system(command.c_str());
  Outcome outcome;
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (out.empty()) outcome.out = read(directory.path("out"));
  outcome.err = read(directory.path("err"));
  return outcome;
}

}  // namespace etrt::cli_test
