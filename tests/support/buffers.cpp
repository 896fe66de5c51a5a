#include <algorithm>

#include <cuda/error.h>
#include <support/buffers.h>

namespace etrt::support {
namespace {

template <class T>
CUdeviceptr host_address(T* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

}  // namespace

std::vector<std::uint32_t> read_back(const cuda::Driver& driver, CUdeviceptr address, std::uint32_t count) {
  std::vector<std::uint32_t> values(count);
  must(cuda::check(driver, driver.cuMemcpy(host_address(values.data()), address, count * sizeof(std::uint32_t)),
                   "cuMemcpy"));
  return values;
}

std::vector<std::uint32_t> DeviceBuffer::read() const {
  return read_back(*driver_, address(), count_);
}

void DeviceBuffer::write(std::span<const std::uint32_t> values) {
  must(cuda::check(*driver_, driver_->cuMemcpy(address(), host_address(values.data()), values.size_bytes()),
                   "cuMemcpy"));
}

PinnedBuffer::PinnedBuffer(const cuda::Driver& driver, std::uint32_t count)
    : memory_(must(cuda::create_pinned_memory(driver, count * sizeof(std::uint32_t)))), count_(count) {
  std::fill_n(data(), count, 0u);
}

}  // namespace etrt::support
