#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace etrt::delegate {

/// What a line of ExecuTorch's log holds at most; it cuts off the rest.
inline constexpr std::size_t kLogLine = 255;

/// What each line after the first begins with.
inline constexpr std::string_view kLogContinues = "TensorRTBackend: ... ";

/// "TensorRTBackend::where: message", in as many lines as ExecuTorch's log needs for all of it. They are divided
/// between sentences and words.
std::vector<std::string> to_log_lines(std::string_view where, std::string_view message);

/// Logs a message in full, as an error: ExecuTorch has no level for warnings, and shows what is below errors in debug
/// builds alone.
void log_error(std::string_view where, std::string_view message);

}  // namespace etrt::delegate
