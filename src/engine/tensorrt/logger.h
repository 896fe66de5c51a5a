#pragma once

#include <string>

#include <engine/tensorrt/nvinfer.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {

/// TensorRT's log in ExecuTorch's: errors as errors, warnings as information, the rest for debugging.
/// Threads: safe; TensorRT logs from any thread. Must outlive every object of TensorRT.
class Logger final : public nvinfer1::ILogger {
 public:
  void log(Severity severity, const char* message) noexcept override;

 private:
  static void write(Severity severity, const std::string& text);
};

/// A scope that keeps the errors which TensorRT logs on this thread, to tell why a call failed: its functions return no
/// reason. Costs nothing while all is well.
/// Threads: a scope belongs to the thread that made it.
class LoggedErrors {
 public:
  /// Expected errors go to the log for debugging alone, also those of scopes within.
  enum class Kind { kUnexpected, kExpected };

  explicit LoggedErrors(Kind kind = Kind::kUnexpected);
  ~LoggedErrors();
  LoggedErrors(const LoggedErrors&) = delete;
  LoggedErrors& operator=(const LoggedErrors&) = delete;

  bool empty() const { return text_.empty(); }

  /// The errors, or words that say there were none.
  std::string text() const;

 private:
  friend class Logger;

  void add(const char* message);

  std::string text_;
  Kind kind_;
  LoggedErrors* outer_;
};

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
