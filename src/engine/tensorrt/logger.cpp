#include <string>
#include <string_view>

#include <executorch/runtime/platform/log.h>

#include <engine/tensorrt/logger.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

thread_local LoggedErrors* innermost = nullptr;

bool is_control(char character) {
  return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
}

/// TensorRT prints some version numbers as bytes: "\x0a.0" is 10.0. Line ends and the like are one space in a log.
std::string readable(std::string_view message) {
  std::string text;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const bool is_number = message.substr(i + 1).starts_with('.');
    if (!is_control(message[i])) {
      text += message[i];
    } else {
      text += is_number ? std::to_string(message[i]) : " ";
    }
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace

void Logger::log(Severity severity, const char* message) noexcept {
  try {
    write(severity, readable(message));
  } catch (...) {
    // Without memory for its text the message is lost, not the process.
  }
}

void Logger::write(Severity severity, const std::string& text) {
  const char* const message = text.c_str();
  switch (severity) {
    case Severity::kINTERNAL_ERROR:
    case Severity::kERROR:
      if (innermost != nullptr) innermost->add(message);
      if (innermost == nullptr || innermost->kind_ == LoggedErrors::Kind::kUnexpected) {
        ET_LOG(Error, "TensorRT: %s", message);
      } else {
        ET_LOG(Debug, "TensorRT: %s", message);
      }
      break;
    case Severity::kWARNING:
      ET_LOG(Info, "TensorRT warns: %s", message);
      break;
    default:
      ET_LOG(Debug, "TensorRT: %s", message);
      break;
  }
}

LoggedErrors::LoggedErrors(Kind kind) : kind_(kind), outer_(innermost) {
  if (outer_ != nullptr && outer_->kind_ == Kind::kExpected) kind_ = Kind::kExpected;
  innermost = this;
}

LoggedErrors::~LoggedErrors() {
  innermost = outer_;
}

void LoggedErrors::add(const char* message) {
  if (!text_.empty()) text_ += "; ";
  text_ += message;
}

std::string LoggedErrors::text() const {
  return text_.empty() ? "TensorRT gives no reason" : "TensorRT says: " + text_;
}

}  // namespace etrt::engine::tensorrt::ETRT_NVINFER
