#pragma once

#include <atomic>
#include <cstdint>

namespace etrt::vgpu {

namespace internal {
inline std::atomic<std::uint64_t> handle_count{0};
inline std::atomic<std::uint64_t> stream_count{0};
inline std::atomic<std::uint64_t> capture_count{0};
}  // namespace internal

/// A handle value that no virtual GPU of this process has used before or will use again. It is no address, so a stale,
/// foreign or dereferenced handle is told from a good one.
template <class Handle>
Handle next_handle() {
  constexpr std::uint64_t kNonCanonical = 0x0E70'0000'0000'0000;
  return reinterpret_cast<Handle>(kNonCanonical + 16 * (1 + internal::handle_count.fetch_add(1)));
}

/// CUDA: cuStreamGetId is unique for the life of the program.
inline std::uint64_t next_stream_id() {
  return 1 + internal::stream_count.fetch_add(1);
}

/// CUDA: the id that cuStreamGetCaptureInfo gives is unique for the life of the process.
inline std::uint64_t next_capture_id() {
  return 1 + internal::capture_count.fetch_add(1);
}

}  // namespace etrt::vgpu
