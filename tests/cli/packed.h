#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <cli/process.h>
#include <cli/programs.h>
#include <cli/temporary_directory.h>

namespace etrt::cli_test {

/// Packs a host program with `etrt pack` and gives the path of the result.
inline std::string packed(const TemporaryDirectory& directory, const std::string& program,
                          const std::vector<std::string>& options = {}) {
  const std::string path = directory.path("packed.pte");
  std::vector<std::string> arguments{"pack", "--program", program, "-o", path};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Outcome outcome = run_etrt(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  return path;
}

}  // namespace etrt::cli_test
