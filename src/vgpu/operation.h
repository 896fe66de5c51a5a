#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>
#include <vector>

#include <cuda.h>

#include <vgpu/kernel.h>
#include <vgpu/sm_map.h>
#include <vgpu/timeline.h>

namespace etrt::vgpu {

struct Event;
struct GraphProgram;
class UserReferences;

/// A range that an operation touches. `label` says what the operation is; it lives as long as the machine.
struct Access {
  std::uint64_t address;
  std::uint64_t bytes;
  bool write;
  std::string_view label;
};

// What an operation does. Memory is named by where the worker finds it.

struct KernelWork {
  const Kernel* kernel;
  unsigned blocks;
  std::string_view label;
};
struct CopyWork {
  void* to;
  const void* from;  ///< null: the bytes that the operation carries
  std::size_t bytes;
};
struct FillWork {
  void* to;
  std::size_t count;
  std::uint32_t value;
  unsigned width;  ///< bytes per element: 1 or 4
};
struct HostWork {
  CUhostFn function;
  void* argument;
};
struct RecordWork {
  std::shared_ptr<Event> event;
  std::uint64_t generation;  ///< of the event's record, so that a later record keeps its own time
};
struct WaitWork {};
struct AllocateWork {};
struct ReleaseWork {
  std::uint64_t address;
};
struct GraphWork {
  std::shared_ptr<const GraphProgram> program;
  std::shared_ptr<const UserReferences> references;  ///< what the launch keeps alive
};

using Work =
    std::variant<WaitWork, KernelWork, CopyWork, FillWork, HostWork, RecordWork, AllocateWork, ReleaseWork, GraphWork>;

/// One operation of a stream or node of a graph. Its storage is reused through an `OperationPool`.
/// Threads: filled by the enqueuing thread, then read by the worker that runs it.
struct Operation {
  Operation();

  Work work;
  std::vector<std::byte> bytes;  ///< kernel parameters, or the snapshot of a pageable source
  std::vector<Point> waits;      ///< what it waits for before it runs
  std::vector<Access> accesses;  ///< only when the order checker is on
  std::shared_ptr<const Partition> partition;
  VectorClock clock;  ///< of a host function, for the order checker

  /// Forgets everything but storage worth keeping.
  void reset();
};

/// "kernel digits", "copy", "memset", "event", "wait", "host function", "allocation", "free", "graph".
std::string_view label(const Operation& operation);

/// Operations that have run and wait to be used again.
/// Threads: guarded by the machine's mutex.
class OperationPool {
 public:
  /// Grows by doubling, so that a queue a little deeper than any before rarely allocates.
  std::unique_ptr<Operation> take();
  void give_back(std::unique_ptr<Operation> operation);

  /// An operation taken before will not come back: it became the node of a graph.
  void part_with_one() { --total_; }

 private:
  std::vector<std::unique_ptr<Operation>> free_;
  std::size_t total_ = 0;
};

}  // namespace etrt::vgpu
