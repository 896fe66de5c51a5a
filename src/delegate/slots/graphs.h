#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <cuda/sibling_streams.h>
#include <delegate/slots/bindings.h>
#include <delegate/slots/graph_counters.h>
#include <delegate/slots/graph_mode.h>
#include <engine/execution_context.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// An execution slot's CUDA graphs of its engine's enqueue, one for each stream and set of addresses that comes back;
/// the one used least recently goes. They are for the shapes that the context is set to: TensorRT does not promise that
/// a graph outlives these.
///
/// Captured thread-locally on a stream of their own, since other threads may enqueue on the caller's, and in its
/// partition: a graph keeps to the one it was captured in. Scratch memory is that of the caller's stream, where its
/// order protects it.
/// Threads: as its slot. Device, context and counters must outlive it; the primary context is current at its end.
class Graphs {
 public:
  /// `inputs_consumed` is the event that the context records outside of captures.
  Graphs(const cuda::Device& device, engine::ExecutionContext& context, CUevent inputs_consumed, std::size_t arguments,
         GraphMode mode, GraphCounters& counters);
  ~Graphs() { clear(); }
  Graphs(const Graphs&) = delete;
  Graphs& operator=(const Graphs&) = delete;

  /// What a call runs with beside its shapes.
  struct Key {
    std::uint64_t stream_id;  ///< of the stream, which CUDA gives to no other
    std::uint64_t scratch;    ///< address of the scratch memory
    const Bindings& bindings;
  };

  /// The graph to launch on `stream`, captured now if it is time. Null: the engine is to be enqueued. `is_warm`: it has
  /// run with its shapes, without which TensorRT cannot be captured.
  CUgraphExec find(cuda::StreamRef stream, const Key& key, bool is_warm);

  /// Says once why there are none, and tries no more.
  void give_up(const std::string& reason);

  void clear() noexcept;

 private:
  struct Entry {
    std::uint64_t stream_id = 0;  ///< 0: not in use
    std::uint64_t scratch = 0;
    std::vector<std::uint64_t> addresses;
    cuda::GraphExec exec;
    std::uint64_t seen = 0;
    std::uint64_t last_use = 0;
  };

  bool is(const Entry& entry, const Key& key) const;
  Entry& entry_for(const Key& key);
  void drop(Entry& entry) noexcept;
  Result<cuda::GraphExec> capture(cuda::StreamRef stream);
  Result<cuda::Graph> enqueue_captured(CUstream stream);

  const cuda::Device& device_;
  engine::ExecutionContext& context_;
  const CUevent inputs_consumed_;
  const GraphMode mode_;
  GraphCounters& counters_;
  cuda::SiblingStreams streams_;
  std::vector<Entry> entries_;
  Entry* present_ = nullptr;  ///< of the last call
  std::uint64_t bindings_version_ = 0;
  std::uint64_t uses_ = 0;
  bool given_up_ = false;
};

}  // namespace etrt::delegate
