#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <etrt/result.h>

namespace etrt::engine::tensorrt {

/// Auxiliary streams for an engine, in the partition of the stream that it is enqueued on. Left to itself, TensorRT
/// makes its own in the primary context, and part of the engine would leave the partition. Streams are kept for each
/// green context: a partition that was seen once costs two questions to the driver, the primary context one. Threads:
/// one caller at a time. May end with work in flight on its streams, and after their green context.
class AuxStreams {
 public:
  AuxStreams(const cuda::Device& device, int count)
      : device_(device), count_(count > 0 ? static_cast<std::size_t>(count) : 0) {}

  std::size_t count() const { return count_; }

  /// `count` streams that differ from one another, valid until the next call. `kInvalidState` when the stream is in
  /// capture and its partition has none yet.
  Result<std::span<CUstream>> streams_for(cuda::StreamRef stream);

  /// Waits for all work on the streams given last, unless `stream` is in capture: nothing runs then. What cannot be
  /// waited for is ordered before all that `stream` is given next; false when that fails too.
  bool drain(cuda::StreamRef stream);

  /// Waits again for what `drain` could not. False when nothing proves that it is over.
  bool settle();

 private:
  struct Set {
    CUgreenCtx green;  ///< null: the primary context
    std::vector<cuda::Stream> owners;
    std::vector<CUstream> streams;
  };

  Result<CUgreenCtx> partition_of(cuda::StreamRef stream) const;
  bool is_alive(const Set& set) const;
  Result<Set> create_set(CUgreenCtx green);
  Status join(cuda::StreamRef stream) const;

  const cuda::Device& device_;
  std::size_t count_;
  std::vector<Set> sets_;
  std::span<CUstream> given_;
  bool is_at_work_ = false;  ///< what a `drain` left
};

}  // namespace etrt::engine::tensorrt
