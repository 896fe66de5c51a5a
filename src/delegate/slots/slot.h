#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <cuda/device.h>
#include <cuda/owners.h>
#include <delegate/call/arguments.h>
#include <delegate/load/io_plan.h>
#include <delegate/slots/bindings.h>
#include <delegate/slots/failures.h>
#include <delegate/slots/graphs.h>
#include <delegate/streams/stream_selection.h>
#include <engine/engine.h>
#include <etrt/report.h>
#include <etrt/result.h>
#include <memory/device_pools.h>
#include <memory/device_staging.h>

namespace etrt::delegate {

/// What a handle's slots are made of. All but the failures must outlive them.
struct SlotParts {
  const cuda::Device& device;
  engine::Engine& engine;
  const IoPlan& plan;
  memory::DevicePools& memory;
  std::shared_ptr<Failures> failures;
  std::optional<int> profile;
  GraphMode cuda_graph;
  GraphCounters& graphs;
};

/// An execution slot: all that one execution of the program in flight needs for itself. It owns an execution context,
/// the event that marks its completion, what is bound, staging and scratch memory, and knows the stream it last ran on:
/// work on that stream is ordered behind it already, any other stream waits for the event.
///
/// A call takes it through `set_shapes`, `prepare`, `begin`, `stage` and `bind` for each argument, `run` and `finish`.
/// A call in a capture of the caller's hands it to the graph, which may run it whenever it is launched: no other stream
/// and no direct call gets it until that graph and all its instances are destroyed.
/// Threads: used by the one call that leases it from the SlotPool; `report` may be called meanwhile.
class Slot {
 public:
  static Result<std::unique_ptr<Slot>> create(const SlotParts& parts);

  /// Nothing of it may be in flight, see `settle`; the primary context must be current.
  ~Slot();

  // What the pool asks.

  /// Whether nothing that it enqueued outside of captures is in flight.
  bool is_idle() const;

  /// Whether the stream's own order protects its earlier work.
  bool follows(const SelectedStream& stream) const { return stream.id != 0 && stream_id_ == stream.id; }

  /// Whether it is set to these shapes and shape tensors' values.
  bool is_set_to(std::span<const InputState> inputs) const { return bindings_->is_set_to(inputs); }

  /// Whether a graph of the caller's has it. It comes back when that graph and all its instances are gone.
  bool is_captured();

  /// How well a call in a capture of this stream may use it, the best last.
  enum class CaptureFit { kNone, kBusy, kIdle, kIdleAndNear, kFollows, kCapturedHere };
  CaptureFit capture_fit(const SelectedStream& stream, std::span<const InputState> inputs);

  /// Orders the stream behind its earlier work; or the host.
  Status make_wait(cuda::StreamRef stream) const;
  Status wait() const;

  /// Waits for its earlier work by whatever means. False: nothing proves that it is over, the slot must be abandoned.
  bool settle() noexcept;

  // A call's steps, in this order.

  /// True when the shapes are others than before. Nothing of the slot may be in flight then.
  Result<bool> set_shapes(std::span<const InputState> inputs);
  const engine::Dims& dims(std::size_t argument) const { return bindings_->dims(argument); }

  /// Where an argument was bound last; 0: nowhere.
  std::uint64_t bound_address(std::size_t argument) const { return bindings_->address(argument); }

  /// Has layers measured from this call on, or no longer. An engine without layers is left alone.
  void set_layer_timing(bool on);

  /// All that can fail before anything is enqueued or captured: memory above all. An error leaves slot and capture as
  /// they were.
  Status prepare(const SelectedStream& stream);

  /// The call enqueues from here on: the slot is its stream's, or its graph's.
  void begin(const SelectedStream& stream);

  /// Device memory of the slot's own for an argument, for work enqueued on `stream` from now on.
  Result<std::uint64_t> stage(std::size_t argument, std::size_t bytes, cuda::StreamRef stream);

  /// True when the argument was bound elsewhere, or to another size.
  Result<bool> bind(std::size_t argument, std::uint64_t address, std::size_t bytes) {
    return bindings_->bind(argument, address, bytes);
  }

  /// Enqueues the engine. `outputs` gives data-dependent outputs their memory.
  Status run(const SelectedStream& stream, engine::OutputAllocator* outputs);

  /// Marks the end of the call's work.
  Status finish(const SelectedStream& stream);

  /// After an error since `begin`: what the context is set to is in doubt.
  void invalidate();

  /// The values of a shape tensor, once the work has run.
  std::span<const std::byte> values(std::size_t argument) const { return bindings_->values(argument); }

  /// A failure of work that the slot enqueued and that has run, which nobody was told of.
  std::optional<Error> take_failure() { return failures_.take(); }

  /// Events of the last call: its end, and the point where its inputs are read, the end where the engine does not tell.
  CUevent done() const { return events().done.get(); }
  CUevent inputs_consumed() const;

  /// The layers of the last call, if they were measured. Waits for it.
  std::vector<LayerTime> layer_times();

  /// Adds what it holds. Threads: at any time.
  void add_to(ProgramReport& report) const;

 private:
  struct Events {
    cuda::Event done;
    cuda::Event inputs_consumed;
  };
  struct Scratch {
    std::uint64_t address = 0;
    std::size_t bytes = 0;
  };

  explicit Slot(const SlotParts& parts);
  Status make();
  Result<Events> create_events();
  const Events& events() const { return captured_ ? graph_events_ : events_; }
  void make_graphs();
  CUgraphExec graph_for(const SelectedStream& stream);
  Status prepare_capture(const SelectedStream& stream);
  Status reserve_graph_scratch();
  Status keep_with_graph(cuda::StreamRef stream);
  void come_back();
  Status give_scratch(std::uint64_t address);

  const SlotParts parts_;
  const cuda::Driver& driver_;
  SlotFailures failures_;
  std::unique_ptr<engine::ExecutionContext> context_;
  std::unique_ptr<Bindings> bindings_;
  std::optional<Graphs> graphs_;  ///< of etrt's own
  std::vector<memory::DeviceStaging> staging_;

  /// Captured calls have events of their own: one that was recorded in a capture breaks it when somebody asks, and
  /// tells nothing of the calls before.
  Events events_;
  Events graph_events_;

  /// Outside of captures scratch memory is shared with all that runs on the stream. A graph may run at any time, so it
  /// has memory of its own.
  memory::ScratchPool::Ref scratch_;
  memory::StreamOrderedMemory graph_scratch_;
  std::size_t scratch_needed_ = 0;  ///< by the context, for the shapes that it is set to
  Scratch given_;                   ///< to the context

  CUstream stream_ = nullptr;    ///< of the last call; a handle that CUDA may have given to another stream since
  std::uint64_t stream_id_ = 0;  ///< of the last call; 0: none, or one in a capture
  bool ran_ = false;             ///< a call outside of captures has recorded its end
  bool warm_ = false;            ///< has run with the shapes it is set to, as a capture needs it
  bool captured_ = false;
  std::weak_ptr<void> callers_graphs_;   ///< alive while a graph is that captured a call
  std::shared_ptr<void> kept_for_good_;  ///< where the driver cannot tell when a graph ends: the slot stays the graph's
  bool tells_inputs_consumed_ = false;
  bool ran_as_graph_ = false;  ///< the last call
  bool times_layers_ = false;

  std::atomic<std::size_t> staging_bytes_{0};
  std::atomic<std::size_t> graph_bytes_{0};
};

}  // namespace etrt::delegate
