#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// Streams of our own in the partition of a stream of the caller's: its green context, or else the primary context.
/// They are kept for each green context: a partition that was seen once costs two questions to the driver, the primary
/// context one. Threads: one caller at a time. May end with work in flight on its streams, and after their green
/// context.
class SiblingStreams {
 public:
  /// `what` they are, for errors; a literal.
  SiblingStreams(const Device& device, std::size_t count, const char* what)
      : device_(device), count_(count), what_(what) {}

  std::size_t count() const { return count_; }

  /// `count` streams that differ from one another, valid until the next call. `kInvalidState` when the stream is in
  /// capture and its partition has none yet.
  Result<std::span<CUstream>> streams_for(StreamRef stream);

 private:
  struct Set {
    CUgreenCtx green;  ///< null: the primary context
    std::vector<Stream> owners;
    std::vector<CUstream> streams;
  };

  Result<CUgreenCtx> partition_of(StreamRef stream) const;
  bool is_alive(const Set& set) const;
  Result<Set> create_set(CUgreenCtx green);

  const Device& device_;
  std::size_t count_;
  const char* what_;
  std::vector<Set> sets_;
};

}  // namespace etrt::cuda
