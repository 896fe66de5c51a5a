#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cuda/refs.h>
#include <engine/dims.h>
#include <etrt/result.h>

namespace etrt::engine {

/// Gives memory for a data-dependent output and learns its shape (TensorRT: IOutputAllocator).
/// Threads: called on the thread that calls `enqueue`, before it returns.
class OutputAllocator {
 public:
  virtual ~OutputAllocator() = default;
  /// Device memory for `bytes`, which may be more than the output then has, valid until the work enqueued with it has
  /// run; 0 when there is none.
  /// `stream`, on which it is used first, may be one of the engine's own.
  virtual std::uint64_t allocate(std::size_t tensor, std::size_t bytes, cuda::StreamRef stream) = 0;
  virtual void set_shape(std::size_t tensor, const Dims& dims) = 0;
};

/// How long one layer of an engine took on the device (TensorRT: IProfiler).
struct LayerTime {
  std::string name;
  float milliseconds;
};

/// One engine in execution: shapes, addresses, scratch memory. TensorRT's IExecutionContext is one.
///
/// Order of use: `set_input_shape` for every dynamic input, `resolve_shapes`, `bind` for every tensor, then `enqueue`
/// any number of times; each again only for what changed. Host inputs are bound before `resolve_shapes`, which reads
/// their values and comes again when these change. Tensors are named by their index in `Engine::tensors()`.
///
/// Work in flight: an enqueue keeps its own copy of addresses, that of its device memory too; shapes may change only
/// when nothing enqueued is in flight, and the object must outlive all that is.
/// Threads: one caller at a time, except `take_failure`.
class ExecutionContext {
 public:
  virtual ~ExecutionContext() = default;

  /// Sets the shape of an input. The caller has checked it against the tensor's range.
  virtual Status set_input_shape(std::size_t tensor, const Dims& dims) = 0;

  /// Derives the shapes of the outputs from those of the inputs (and the values of host inputs, already bound).
  virtual Status resolve_shapes() = 0;

  /// The present shape of a tensor; outputs after `resolve_shapes`. Data-dependent outputs give their upper bound.
  virtual Dims shape(std::size_t tensor) const = 0;

  /// Binds memory of at least the tensor's present size: a device address that is a multiple of the tensor's
  /// `address_alignment`, or a host address for host tensors. An empty tensor's address is not looked at.
  virtual Status bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) = 0;

  /// Whether an enqueue on this stream, which is in capture, can be captured: an error now loses nothing, a failed
  /// enqueue may have put a part of itself into the graph.
  virtual Status prepare_capture(cuda::StreamRef /*stream*/) { return {}; }

  /// Enqueues one execution on the stream, whose device's context is current. Returns at once; on error nothing was
  /// enqueued, or what was is ordered on the stream and harmless.
  virtual Status enqueue(cuda::StreamRef stream) = 0;

  /// Gives memory for data-dependent outputs; the allocator must outlive the context's use of it. Null: they are
  /// written to the memory they are bound to.
  virtual void set_output_allocator(OutputAllocator*) {}

  /// Scratch memory that the caller must give before `enqueue`, for the present shapes (TensorRT: kUSER_MANAGED).
  virtual std::size_t device_memory_bytes() const { return 0; }
  virtual Status set_device_memory(std::uint64_t /*address*/, std::size_t /*bytes*/) { return {}; }

  /// Has the event recorded by each enqueue once the inputs have been read: they may be overwritten behind it, while
  /// the outputs are still being computed. Null: none. False when the engine cannot tell; the event must outlive its
  /// use.
  virtual bool set_input_consumed_event(CUevent /*event*/) { return false; }

  /// Puts the state that executions leave behind (see `Engine::keeps_state`) back as it was when the engine was loaded.
  /// Nothing enqueued is in flight; shapes and addresses stay.
  virtual Status reset_state() { return {}; }

  /// Measures each layer of later enqueues, or no longer. Engines without layers refuse.
  virtual Status set_layer_timing(bool /*on*/) {
    return Error(ErrorCode::kNotSupported, "this kind of engine does not tell the times of its layers");
  }

  /// The layers of the last enqueue. Waits for it; its stream must still exist, and not be in capture.
  virtual Result<std::vector<LayerTime>> layer_times() {
    return Error(ErrorCode::kInvalidState, "layers are not timed: call set_layer_timing first");
  }

  /// A failure of enqueued work that has run since the last call, if any: work on a stream cannot return one.
  /// Threads: safe at any time.
  virtual std::optional<Error> take_failure() { return std::nullopt; }
};

}  // namespace etrt::engine
