#include <bit>
#include <memory/device_staging.h>

#include <base/try.h>
#include <cuda/relaxed_capture.h>

namespace etrt::memory {

Result<std::uint64_t> DeviceStaging::reserve(std::size_t bytes, cuda::StreamRef stream) {
  if (bytes <= memory_.size()) return memory_.get();
  // A power of two, so that a slowly growing shape settles after a few calls.
  constexpr std::size_t kLargestRounded = std::size_t{1} << 28;
  const std::size_t wanted = bytes <= kLargestRounded ? std::bit_ceil(bytes) : bytes;
  const cuda::RelaxedCapture relaxed(*driver_);
  ETRT_TRY_ASSIGN(auto grown, StreamOrderedMemory::create(*driver_, wanted, stream));
  std::swap(memory_, grown);
  grown.free_on(stream);
  return memory_.get();
}

}  // namespace etrt::memory
