#pragma once

#include <cstddef>
#include <span>

#include <cuda/device.h>
#include <cuda/sibling_streams.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt {

/// Auxiliary streams for an engine, in the partition of the stream that it is enqueued on. Left to itself, TensorRT
/// makes its own in the primary context, and part of the engine would leave the partition.
/// Threads: one caller at a time. May end with work in flight on its streams, and after their green context.
class AuxStreams {
 public:
  AuxStreams(const cuda::Device& device, int count)
      : device_(device),
        streams_(device, count > 0 ? static_cast<std::size_t>(count) : 0, "an auxiliary stream for the engine") {}

  std::size_t count() const { return streams_.count(); }

  /// `count` streams that differ from one another, valid until the next call. `kInvalidState` when the stream is in
  /// capture and its partition has none yet.
  Result<std::span<CUstream>> streams_for(cuda::StreamRef stream);

  /// Waits for all work on the streams given last, unless `stream` is in capture: nothing runs then. What cannot be
  /// waited for is ordered before all that `stream` is given next; false when that fails too.
  bool drain(cuda::StreamRef stream);

  /// Waits again for what `drain` could not. False when nothing proves that it is over.
  bool settle();

 private:
  Status join(cuda::StreamRef stream) const;

  const cuda::Device& device_;
  cuda::SiblingStreams streams_;
  std::span<CUstream> given_;
  bool is_at_work_ = false;  ///< what a `drain` left
};

}  // namespace etrt::engine::tensorrt
