#include <utility>

#include <api/in_context.h>
#include <etrt/event.h>

namespace etrt {

Result<Event> Event::create(const Device& device) {
  CUevent handle = nullptr;
  ETRT_TRY(api::in_context(device.native(), "cuEventCreate", [&](const cuda::Driver& driver) {
    return driver.cuEventCreate(&handle, CU_EVENT_DISABLE_TIMING);
  }));
  return Event(device, handle);
}

Event::Event(Event&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}

Event& Event::operator=(Event&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

Event::~Event() {
  if (handle_ != nullptr) static_cast<void>(device_.native().driver.cuEventDestroy(handle_));
}

Status Event::record(cudaStream_t stream) {
  return api::in_context(device_.native(), "cuEventRecord",
                         [&](const cuda::Driver& driver) { return driver.cuEventRecord(handle_, stream); });
}

Status Event::synchronize() const {
  const cuda::Driver& driver = device_.native().driver;
  return cuda::check(driver, driver.cuEventSynchronize(handle_), "cuEventSynchronize");
}

Result<bool> Event::is_done() const {
  const cuda::Driver& driver = device_.native().driver;
  const CUresult result = driver.cuEventQuery(handle_);
  if (result == CUDA_ERROR_NOT_READY) return false;
  ETRT_TRY(cuda::check(driver, result, "cuEventQuery"));
  return true;
}

}  // namespace etrt
