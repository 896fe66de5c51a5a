#include <executorch/runtime/platform/log.h>

#include <engine/tensorrt/logger.h>

namespace etrt::engine::tensorrt::ETRT_NVINFER {
namespace {

thread_local LoggedErrors* innermost = nullptr;

}  // namespace

void Logger::log(Severity severity, const char* message) noexcept {
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
