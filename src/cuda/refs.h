#pragma once

#include <cstddef>

#include <cuda.h>

namespace etrt::cuda {

/// A borrowed stream. The null handle is a real stream (CUDA's legacy default stream), so "no stream" is an empty
/// `std::optional<StreamRef>`, and a literal 0 or nullptr does not convert by accident.
class StreamRef {
 public:
  StreamRef(CUstream handle) noexcept : handle_(handle) {}
  StreamRef(int) = delete;
  StreamRef(std::nullptr_t) = delete;

  CUstream get() const noexcept { return handle_; }
  friend bool operator==(StreamRef a, StreamRef b) noexcept { return a.handle_ == b.handle_; }

 private:
  CUstream handle_;
};

/// CUDA's two special stream handles, typed.
inline StreamRef per_thread_stream() {
  return StreamRef(CU_STREAM_PER_THREAD);
}
inline StreamRef legacy_stream() {
  return StreamRef(CU_STREAM_LEGACY);
}

}  // namespace etrt::cuda
