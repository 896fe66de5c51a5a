#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <etrt/export.h>

namespace etrt {

/// How long one layer of an engine took on the device.
struct LayerTime {
  std::string name;
  float milliseconds = 0;
};

/// What one loaded program (one delegate handle) has done and holds. Counts and times are totals since it was loaded.
struct ProgramReport {
  std::string device;  ///< "cuda:0", "virtual:0"
  std::string engine;  ///< what runs: "a host program for host of 60712 bytes"

  std::uint64_t calls = 0;          ///< of execute() that succeeded
  std::uint64_t failed_calls = 0;   ///< that returned an error
  std::uint64_t failed_runs = 0;    ///< executions that were enqueued and failed when they ran
  std::uint64_t waiting_calls = 0;  ///< that waited on the host, for results there or for want of a guard
  std::uint64_t shape_changes = 0;  ///< calls that set new shapes
  std::uint64_t bindings_set = 0;   ///< tensors bound to another address than before
  std::uint64_t host_ns = 0;        ///< time spent inside of execute(), all threads together
  std::uint64_t slowest_ns = 0;     ///< of it, in the slowest call

  std::size_t execution_contexts = 0;
  std::size_t context_bytes = 0;   ///< of device memory that one context needs at most, as far as the engine tells
  std::size_t engine_bytes = 0;    ///< weights on the device; shared by all programs that hold the same engine
  std::size_t streamed_bytes = 0;  ///< weights on the host (TensorRT weight streaming)
  std::size_t device_staging_bytes = 0;  ///< device memory behind arguments on the host
  std::size_t graph_bytes = 0;           ///< scratch memory that captured calls keep for their graphs

  /// CUDA graphs that etrt captured of the program's own calls (`kOptionCudaGraph`); their memory is the driver's.
  std::size_t graphs = 0;            ///< there are now
  std::uint64_t graph_launches = 0;  ///< calls that were a launch of one
  std::uint64_t graph_captures = 0;
  std::uint64_t graph_evictions = 0;  ///< that made room for another
  std::string no_graph_reason;        ///< why the engine cannot be captured; empty: no reason

  /// Why executions failed after they were enqueued, the last few, oldest first. Reading them here takes nothing away
  /// from the call that is to be told.
  std::vector<std::string> failures;
};

/// The layers of a program's last call, see `time_layers`; empty when the engine tells none.
struct ProgramLayers {
  std::string device;
  std::string engine;
  std::vector<LayerTime> layers;
};

/// The memory that etrt holds on one device, for all programs there; see `etrt/memory.h` and the options of limits.
struct MemoryReport {
  std::string device;
  std::size_t device_bytes = 0;   ///< staging, scratch memory, memory of graphs: what `device_memory_limit` is about
  std::size_t device_limit = 0;   ///< 0: none
  std::size_t scratch_bytes = 0;  ///< of `device_bytes`: of execution contexts, one piece a stream that programs share
  std::size_t planned_bytes = 0;  ///< what programs plan on the device
  std::size_t pinned_bytes = 0;   ///< pinned host memory for staging copies
  std::size_t pinned_limit = 0;   ///< 0: none
  std::size_t abandoned_bytes = 0;  ///< of all these: kept for good, since no wait could tell that its last use is over
};

struct Report {
  std::vector<ProgramReport> programs;  ///< in the order they were loaded
  std::vector<MemoryReport> memory;     ///< one for each device that programs were loaded on

  /// Failures of enqueued work of programs that are gone, which no call was left to be told of: the last few.
  std::vector<std::string> untold_failures;
  std::size_t abandoned_programs = 0;  ///< gone, but no wait for their work succeeded: they keep what they use
};

/// What etrt holds in this process: a snapshot. Threads: safe; waits for no call and no load.
ETRT_API Report report();

/// Has engines measure each layer of the calls that follow (TensorRT: IProfiler), or no longer, in all of the process.
/// It slows calls down, and is not for calls in a capture. Host programs have no layers to tell of.
/// Threads: safe.
ETRT_API void time_layers(bool on) noexcept;

/// The layers of every program's last call, in the order they were loaded. Waits for these calls, whose streams must
/// still exist; a program that is destroyed meanwhile waits for this.
/// Threads: safe.
ETRT_API std::vector<ProgramLayers> layer_times();

}  // namespace etrt
