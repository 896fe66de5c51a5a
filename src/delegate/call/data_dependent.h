#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include <cuda/refs.h>
#include <delegate/call/arguments.h>
#include <delegate/load/io_plan.h>
#include <delegate/slots/slot.h>
#include <engine/execution_context.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Gives a call's data-dependent outputs the memory of the program's output tensors, or staging for those on the host,
/// and their shapes once the engine knows them. The engine waits for the device to learn a shape, inside of its
/// enqueue. It may ask for more memory than the output then takes: staging serves that, and what the program has must
/// hold the shape alone.
/// Threads: lives on the stack of one call.
class DataDependentOutputs final : public engine::OutputAllocator {
 public:
  /// `arguments` are at their upper bounds.
  DataDependentOutputs(const IoPlan& plan, Arguments& arguments, Slot& slot)
      : plan_(plan), arguments_(arguments), slot_(slot) {}

  std::uint64_t allocate(std::size_t tensor, std::size_t bytes, cuda::StreamRef stream) override;
  void set_shape(std::size_t tensor, const engine::Dims& dims) override;

  /// The first thing that went wrong, once.
  Status take_status();

  /// After the enqueue: an output that the engine asked no memory for must be empty.
  Status check_allocated() const;

 private:
  std::optional<std::size_t> argument_of(std::size_t tensor) const;
  void fail(Error error);

  const IoPlan& plan_;
  Arguments& arguments_;
  Slot& slot_;
  Status status_;
};

}  // namespace etrt::delegate
