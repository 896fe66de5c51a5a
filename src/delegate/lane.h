#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <delegate/arguments.h>
#include <delegate/io_plan.h>
#include <engine/engine.h>
#include <etrt/result.h>
#include <memory/device_pools.h>
#include <memory/device_staging.h>
#include <memory/scratch_pool.h>
#include <memory/stream_ordered_memory.h>

namespace etrt::delegate {

/// One execution in flight: an execution context, the event that marks its completion, the stream it last ran on, and
/// what is bound. Work on that stream is ordered behind it already; any other stream waits for the event.
/// Threads: used by the one call that leases it from the LanePool. Ends with nothing in flight and the primary context
/// current.
class Lane {
  struct Events {
    cuda::Event done;
    cuda::Event inputs_consumed;  ///< none where the engine does not tell
  };
  // Declared first: the scratch pool may ask after the last call's event until `scratch` has left it.
  Events events_;
  Events before_graph_;

 public:
  static Result<std::unique_ptr<Lane>> create(memory::DevicePools& pools, engine::Engine& engine, const IoPlan& plan,
                                              std::optional<int> profile);

  engine::ExecutionContext& context() { return *context_; }
  /// Marks the end of the last call.
  CUevent done() const { return events_.done.get(); }

  /// Marks when the last call's inputs are read; `done` where the engine does not tell.
  CUevent inputs_consumed() const {
    return events_.inputs_consumed.get() != nullptr ? events_.inputs_consumed.get() : done();
  }

  /// What an argument is bound to.
  struct Bound {
    std::uint64_t address = 0;
    std::size_t bytes = 0;
  };

  /// Whether the context is set to these shapes and shape tensors' values.
  bool is_set_to(std::span<const InputState> inputs) const;

  /// Shapes the context is set to, one for each argument; inputs as asked, outputs as resolved.
  std::vector<engine::Dims> dims;
  /// The host memory that the context is bound to for each shape tensor; empty for the other arguments.
  std::vector<std::vector<std::byte>> values;
  /// False until the first resolve_shapes, and after a failure.
  bool shapes_valid = false;
  std::vector<Bound> bound;
  std::vector<memory::DeviceStaging> staging;

  /// Scratch memory outside of captures, shared with all that runs on the lane's stream.
  memory::ScratchPool::Ref scratch;
  /// In captures: the graph may run whenever it is launched, so the memory is its own. Earlier graphs keep theirs.
  std::vector<memory::StreamOrderedMemory> graph_scratch;
  std::size_t graph_scratch_bytes = 0;  ///< of the last
  std::size_t graph_scratch_total = 0;
  std::size_t scratch_needed = 0;     ///< by the context, for the shapes that it is set to
  std::uint64_t scratch_address = 0;  ///< what the context was given
  std::size_t scratch_bytes = 0;

  CUstream stream = nullptr;    ///< of the last call; a handle that CUDA may have given to another stream since
  std::uint64_t stream_id = 0;  ///< of the last call; 0: none, or one in a capture
  std::uint64_t last_use = 0;   ///< order of use within the pool
  bool ran = false;             ///< a call outside of captures has recorded `direct_done`
  bool warm = false;            ///< has run with the shapes it is set to, as a capture needs it

  /// A call on it was captured: a graph may run it at any time, for the rest of its life.
  bool in_graph() const { return in_graph_; }

  /// Gives the lane to a graph. Captured calls get events of their own: an event that was recorded in a capture breaks
  /// it when somebody asks, and tells nothing of the calls before. The old ones live on, for those who wait for them.
  Status enter_graph(const cuda::Device& device);

  /// Marks the end of the last call outside of captures.
  CUevent direct_done() const { return before_graph_.done.get() != nullptr ? before_graph_.done.get() : done(); }

  /// Scratch memory for a graph: the last that was made for one, when it is large enough. Allocated while the stream is
  /// in capture, which the driver allows in relaxed mode.
  Result<std::uint64_t> scratch_for_graph(memory::DeviceHeap& heap, std::size_t bytes);

  /// Has the engine measure the layers of later calls, or no longer. An engine without layers is left alone.
  void set_layer_timing(bool on);
  bool times_layers() const { return times_layers_; }

  /// Forgets shapes, bindings and scratch memory, after a failure left them in doubt.
  void invalidate();

 private:
  Lane() = default;
  Result<Events> create_events(const cuda::Device& device);

  std::unique_ptr<engine::ExecutionContext> context_;
  bool in_graph_ = false;
  bool times_layers_ = false;
};

}  // namespace etrt::delegate
