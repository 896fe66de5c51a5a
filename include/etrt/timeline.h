#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <etrt/device.h>
#include <etrt/export.h>
#include <etrt/result.h>

namespace etrt {

/// One operation that ran on a stream. Times are nanoseconds of std::chrono::steady_clock.
struct TimelineSpan {
  std::uint64_t stream;     ///< CUDA: cuStreamGetId
  std::uint64_t partition;  ///< 0: the whole device; else one number for each partition
  std::string name;         ///< "kernel program", "copy", "memset", "wait", ...
  std::int64_t start_ns;
  std::int64_t end_ns;
  int core;  ///< where it ended
};

/// Records what runs when on a virtual device, from `start` to `stop`. One recording at a time in a process.
/// Threads: start and stop while the device has no work in flight.
class ETRT_API Timeline {
 public:
  /// `kNotSupported` for a GPU: its driver tells no such times; use Nsight Systems there.
  /// `kInvalidState` while another recording runs.
  static Result<Timeline> start(const Device& device);

  Timeline(Timeline&&) noexcept;
  Timeline& operator=(Timeline&&) noexcept;
  ~Timeline();

  /// Ends the recording and returns it in order of start.
  std::vector<TimelineSpan> stop();

 private:
  class Recorder;
  explicit Timeline(std::unique_ptr<Recorder> recorder);

  std::unique_ptr<Recorder> recorder_;
};

/// Draws a recording as an SVG picture: a row for each stream, grouped by partition.
ETRT_API std::string draw_timeline(const std::vector<TimelineSpan>& spans, const std::string& title);

}  // namespace etrt
