#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace etrt::engine::tensorrt {

/// Lines of ExecuTorch's log, each with its level: 'E', 'I', 'D'.
using LogLines = std::vector<std::pair<char, std::string>>;

/// Keeps the process's log from here on, and forgets what came before.
void capture_log();

LogLines log_lines();
std::ptrdiff_t log_lines_about(const std::string& text);

}  // namespace etrt::engine::tensorrt
