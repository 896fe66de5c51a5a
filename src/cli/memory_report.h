#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <etrt/report.h>

namespace etrt::cli {

/// What programs hold and did: a table of bytes, one of calls, and the memory that programs share on a device.
std::string memory_text(const Report& report);
nlohmann::ordered_json memory_json(const Report& report);

/// How long each layer took, in a table; a line that says so when no engine tells.
std::string layers_text(const std::vector<ProgramLayers>& programs);
nlohmann::ordered_json layers_json(const std::vector<ProgramLayers>& programs);

}  // namespace etrt::cli
