#pragma once

#include <cstdint>
#include <string_view>

namespace etrt::vgpu {

/// One operation of a stream that has run. Times are nanoseconds of std::chrono::steady_clock.
struct OperationRecord {
  std::uint64_t stream_id;     ///< CUDA: cuStreamGetId
  std::uint64_t partition_id;  ///< 0: the whole device; else one number per green context
  int device;
  std::string_view name;  ///< "kernel digits", "copy", "memset", "event", "wait", "host function"
  std::int64_t start_ns;
  std::int64_t end_ns;
  int cpu;  ///< core on which it ended
};

/// Sees operations as they finish.
/// Threads: called from every worker thread at once; must not call the driver.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void finished(const OperationRecord& record) = 0;
};

}  // namespace etrt::vgpu
