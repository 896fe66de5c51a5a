#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace etrt::cli {

/// A line on stderr that says how far a long command is; only when a person watches, and gone when it ends.
/// Threads: one.
class Progress {
 public:
  explicit Progress(const std::string& what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Shows "what: done of total", at most a few times a second.
  void update(std::size_t done, std::size_t total);

 private:
  const std::string what_;
  const bool on_terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace etrt::cli
