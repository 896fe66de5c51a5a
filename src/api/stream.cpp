#include <utility>

#include <api/in_context.h>
#include <etrt/stream.h>

namespace etrt {

Result<Stream> Stream::create(const Device& device) {
  // In the primary context, whichever is current: under a green context the stream would be confined to it.
  const cuda::Device& native = device.native();
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(native.driver, native.primary));
  CUstream handle = nullptr;
  ETRT_TRY(cuda::check(native.driver, native.driver.cuStreamCreate(&handle, CU_STREAM_NON_BLOCKING), "cuStreamCreate"));
  return Stream(device, handle);
}

Stream::Stream(Stream&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}

Stream& Stream::operator=(Stream&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

Stream::~Stream() {
  if (handle_ != nullptr) static_cast<void>(device_.native().driver.cuStreamDestroy(handle_));
}

Status Stream::synchronize() const {
  return api::in_context(device_.native(), "cuStreamSynchronize",
                         [&](const cuda::Driver& driver) { return driver.cuStreamSynchronize(handle_); });
}

Result<bool> Stream::is_done() const {
  CUresult result = CUDA_SUCCESS;
  ETRT_TRY(api::in_context(device_.native(), "cuStreamQuery", [&](const cuda::Driver& driver) {
    result = driver.cuStreamQuery(handle_);
    return result == CUDA_ERROR_NOT_READY ? CUDA_SUCCESS : result;
  }));
  return result == CUDA_SUCCESS;
}

Status Stream::wait(cudaEvent_t event) const {
  return api::in_context(device_.native(), "cuStreamWaitEvent",
                         [&](const cuda::Driver& driver) { return driver.cuStreamWaitEvent(handle_, event, 0); });
}

}  // namespace etrt
