#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <cuda.h>

#include <vgpu/operation.h>
#include <vgpu/user_objects.h>

namespace etrt::vgpu {

/// What a graph does: its nodes in an order that keeps every dependency, each with the partition it was captured in; so
/// a graph may be launched on a stream of any device. Threads: immutable once made.
struct GraphProgram {
  std::vector<std::unique_ptr<Operation>> nodes;
  std::vector<CUgraphNode> node_handles;
  std::vector<Access> accesses;  ///< of all nodes
};

struct Graph {
  std::shared_ptr<const GraphProgram> program;
  std::shared_ptr<UserReferences> references;
};

/// An instantiated graph. Launches of one run one after another, whichever stream they are launched in.
/// Threads: guarded by the machine's mutex.
struct GraphExec {
  std::shared_ptr<const GraphProgram> program;
  std::shared_ptr<const UserReferences> references;  ///< shared with its launches under way
  Point last_launch;
  VectorClock clock;
};

}  // namespace etrt::vgpu
