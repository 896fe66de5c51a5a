#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda/driver.h>
#include <cuda/error.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::memory {

// Copies enqueued on a stream. Neither side may be touched until the stream has run them.

inline Status copy_to_device(const cuda::Driver& driver, std::uint64_t target, const void* source, std::size_t bytes,
                             cuda::StreamRef stream) {
  return cuda::check(driver, driver.cuMemcpyHtoDAsync(target, source, bytes, stream.get()), "cuMemcpyHtoDAsync");
}

inline Status copy_to_host(const cuda::Driver& driver, void* target, std::uint64_t source, std::size_t bytes,
                           cuda::StreamRef stream) {
  return cuda::check(driver, driver.cuMemcpyDtoHAsync(target, source, bytes, stream.get()), "cuMemcpyDtoHAsync");
}

inline Status copy_on_device(const cuda::Driver& driver, std::uint64_t target, std::uint64_t source, std::size_t bytes,
                             cuda::StreamRef stream) {
  return cuda::check(driver, driver.cuMemcpyDtoDAsync(target, source, bytes, stream.get()), "cuMemcpyDtoDAsync");
}

}  // namespace etrt::memory
