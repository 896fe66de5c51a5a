#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda/device.h>
#include <cuda/refs.h>
#include <delegate/call/arguments.h>
#include <delegate/load/io_plan.h>
#include <delegate/slots/slot.h>
#include <etrt/result.h>
#include <memory/pinned_pool.h>

namespace etrt::delegate {

/// The copies of one call for arguments that the engine cannot use in place: host memory, through pinned memory, memory
/// at an address that it cannot take, and outputs that are another argument's memory. Decides where the engine finds
/// each argument (`Argument::engine_address`).
/// Threads: lives on the stack of one call. Its pinned memory must stay until the call's work is over.
class ArgumentStaging {
 public:
  ArgumentStaging(const cuda::Device& device, const IoPlan& plan, Arguments& arguments, memory::PinnedPool& pinned)
      : driver_(device.driver), plan_(plan), arguments_(arguments), pinned_(pinned) {}

  /// Whether any argument must be copied at every call.
  bool is_staged(std::size_t index) const;

  /// Whether a result is on the host: the call waits for it.
  bool returns_host_data() const;

  /// Enqueues the copies into the slot's memory. When the call does not `wait`, the caller's memory is read before this
  /// returns.
  Status copy_in(Slot& slot, cuda::StreamRef stream, bool waits);

  /// Finds each argument's place for the engine.
  Status locate(Slot& slot, cuda::StreamRef stream);

  /// Enqueues the copies of results to where the caller has them, or to pinned memory on the way there.
  Status copy_out(cuda::StreamRef stream);

  /// Copies results on the host to the caller, once the stream has run.
  void fetch(const Slot& slot);

  /// The device may use the pinned memory for ever.
  void abandon();

 private:
  bool is_result(std::size_t index) const;
  bool is_on_host(std::size_t index) const;
  bool is_staged_on_device(std::size_t index) const;
  std::size_t pinned_bytes(bool inputs) const;
  Status copy_host_inputs(Slot& slot, cuda::StreamRef stream, bool waits);
  Status copy_host_outputs(cuda::StreamRef stream);
  Status copy_aliases(cuda::StreamRef stream);
  Result<std::uint64_t> place_for_engine(Slot& slot, std::size_t index, cuda::StreamRef stream);

  const cuda::Driver& driver_;
  const IoPlan& plan_;
  Arguments& arguments_;
  memory::PinnedPool& pinned_;
  memory::PinnedPool::Block input_block_;
  memory::PinnedPool::Block output_block_;
};

}  // namespace etrt::delegate
