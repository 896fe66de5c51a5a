#include <algorithm>
#include <utility>

#include <api/in_context.h>
#include <base/format.h>
#include <etrt/buffer.h>

namespace etrt {
namespace {

CUdeviceptr address(const void* data) {
  return reinterpret_cast<CUdeviceptr>(data);
}

Status check_size(std::size_t wanted, std::size_t size) {
  if (wanted <= size) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat("a copy of ", wanted, " bytes does not fit a buffer of ", size, " bytes"));
}

}  // namespace

Result<Buffer> Buffer::on_device(const Device& device, std::size_t bytes) {
  CUdeviceptr data = 0;
  // CUDA refuses an allocation of nothing; an empty tensor still wants an address.
  ETRT_TRY(api::in_context(
      device.native(), base::concat("cuMemAlloc of ", bytes, " bytes"),
      [&](const cuda::Driver& driver) { return driver.cuMemAlloc(&data, std::max<std::size_t>(bytes, 1)); }));
  return Buffer(device, reinterpret_cast<void*>(data), bytes, false);
}

Result<Buffer> Buffer::pinned(const Device& device, std::size_t bytes) {
  void* data = nullptr;
  ETRT_TRY(api::in_context(
      device.native(), base::concat("cuMemHostAlloc of ", bytes, " bytes"),
      [&](const cuda::Driver& driver) { return driver.cuMemHostAlloc(&data, std::max<std::size_t>(bytes, 1), 0); }));
  return Buffer(device, data, bytes, true);
}

Buffer::Buffer(Buffer&& other) noexcept
    : device_(other.device_), data_(std::exchange(other.data_, nullptr)), size_(other.size_), pinned_(other.pinned_) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(pinned_, other.pinned_);
  return *this;
}

Buffer::~Buffer() {
  if (data_ == nullptr) return;
  api::clean_up(device_.native(), [&](const cuda::Driver& driver) {
    return pinned_ ? driver.cuMemFreeHost(data_) : driver.cuMemFree(address(data_));
  });
}

Status Buffer::copy_from_host(const void* source, std::size_t bytes, cudaStream_t stream) {
  ETRT_TRY(check_size(bytes, size_));
  if (bytes == 0) return {};
  return api::in_context(device_.native(), "cuMemcpyAsync", [&](const cuda::Driver& driver) {
    return driver.cuMemcpyAsync(address(data_), address(source), bytes, stream);
  });
}

Status Buffer::copy_to_host(void* target, std::size_t bytes, cudaStream_t stream) const {
  ETRT_TRY(check_size(bytes, size_));
  if (bytes == 0) return {};
  return api::in_context(device_.native(), "cuMemcpyAsync", [&](const cuda::Driver& driver) {
    return driver.cuMemcpyAsync(address(target), address(data_), bytes, stream);
  });
}

}  // namespace etrt
