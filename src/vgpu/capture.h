#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <cuda.h>

#include <vgpu/operation.h>
#include <vgpu/user_objects.h>

namespace etrt::vgpu {

struct Stream;

/// A capture under way: the nodes so far and the streams that take part.
/// Threads: guarded by the machine's mutex.
struct Capture {
  struct Node {
    std::unique_ptr<Operation> operation;
    std::vector<bool> ancestors;  ///< by node index: what comes before this node
  };

  CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL;
  std::uint64_t thread = 0;                    ///< that began it, by `ThreadState::id`
  std::uint64_t id = 0;                        ///< CUDA: unique in the process
  CUgraph graph = nullptr;                     ///< what it will become
  std::shared_ptr<UserReferences> references;  ///< of that graph
  const Stream* origin = nullptr;
  bool invalidated = false;
  bool ended = false;
  std::vector<Node> nodes;
  std::vector<Stream*> participants;  ///< each leaves before it goes

  /// The nodes that come before one that follows `tail`.
  std::vector<bool> ancestors_of(const std::vector<std::size_t>& tail) const;

  /// Whether every participant's work comes before the origin's tail.
  bool joined() const;

  /// Lets every participant go and marks the capture as ended. The caller holds a reference to it.
  void end();
};

/// Adds the nodes of `more` to `tail`, once each.
void merge_tail(std::vector<std::size_t>& tail, const std::vector<std::size_t>& more);

}  // namespace etrt::vgpu
