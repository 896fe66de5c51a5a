// Registers the backend, and the allocator for CUDA memory, with ExecuTorch when the library is loaded.

#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/core/device_allocator.h>
#include <executorch/runtime/platform/log.h>

#include <api/guard_access.h>
#include <delegate/allocator/device_allocator.h>
#include <etrt/backend.h>
#include <etrt/options.h>
#include <process/process.h>
#include <torch_tensorrt/executorch/TensorRTBackend.h>

namespace etrt {
namespace {

void log_order_report(const std::string& message) {
  ET_LOG(Error, "virtual GPU, order checker: %s", message.c_str());
}

void log_guard_misuse(const char* message) {
  ET_LOG(Error, "%s", message);
}

/// A method's memory is allocated before its delegates are loaded, so this cannot wait for a program that needs it.
void register_device_allocator() {
  if (process::Environment::leaves_device_allocator_to_others()) return;
  // A second registration aborts the process.
  if (executorch::runtime::get_device_allocator(executorch::runtime::etensor::DeviceType::CUDA) != nullptr) return;
  static auto* const allocator = new delegate::DeviceAllocator(process::Process::instance().memory());
  executorch::runtime::register_device_allocator(allocator);
}

executorch::runtime::Error register_once() {
  process::Process::instance().devices().log_order_reports_with(log_order_report);
  detail::log_guard_misuse_with(log_guard_misuse);
  register_device_allocator();
  // Never destroyed: ExecuTorch keeps the pointer and has no way to take it back.
  static auto* const backend = new torch_tensorrt::executorch_backend::TensorRTBackend();
  const auto error = executorch::runtime::register_backend({kBackendId, backend});
  if (error != executorch::runtime::Error::Ok) {
    ET_LOG(Error,
           "TensorRTBackend: ExecuTorch refused to register etrt (error %s): another delegate of this name is loaded, "
           "or its table of backends is full",
           executorch::runtime::to_string(error));
  }
  return error;
}

const executorch::runtime::Error registration = register_once();

}  // namespace

bool is_registered() noexcept {
  return registration == executorch::runtime::Error::Ok;
}

}  // namespace etrt
