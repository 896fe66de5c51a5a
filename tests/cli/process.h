#pragma once

#include <ostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace etrt::cli_test {

/// How a run of the etrt program ended.
struct Outcome {
  int exit_code = -1;  ///< 128 + the signal's number for a crash, as a shell says it
  std::string out;
  std::string err;

  /// Standard output, which has to be one JSON document; a discarded value when it is none.
  nlohmann::json json() const { return nlohmann::json::parse(out, nullptr, false); }
};
std::ostream& operator<<(std::ostream& stream, const Outcome& outcome);

/// Runs the built program as a user would. No GPU is visible to it, so that every machine gives the same answers;
/// `environment` comes on top: "ETRT_VGPU_SMS=4". `out` is a file to write standard output to instead of the outcome.
Outcome run_etrt(const std::vector<std::string>& arguments, const std::vector<std::string>& environment = {},
                 const std::string& out = "");

}  // namespace etrt::cli_test
