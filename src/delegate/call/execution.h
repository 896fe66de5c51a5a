#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <optional>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/span.h>

#include <cuda/device.h>
#include <delegate/call/argument_staging.h>
#include <delegate/call/arguments.h>
#include <delegate/load/io_plan.h>
#include <delegate/slots/counters.h>
#include <delegate/slots/failures.h>
#include <delegate/slots/slot_pool.h>
#include <delegate/streams/stream_selection.h>
#include <etrt/result.h>
#include <memory/pinned_pool.h>

namespace etrt::process {
class Process;
}

namespace etrt::delegate {

/// One call of execute(), from its arguments to its results: check, lease a slot, set shapes, place memory, enqueue,
/// and wait where the contract says so (docs/contract.md).
/// Threads: lives on the stack of one call.
class Execution {
 public:
  Execution(process::Process& process, const cuda::Device& device, const IoPlan& plan, SlotPool& slots,
            memory::PinnedPool& pinned, Failures& failures, Counters& counters)
      : process_(process),
        device_(device),
        plan_(plan),
        slots_(slots),
        failures_(failures),
        counters_(counters),
        staging_(device, plan, arguments_, pinned) {}

  /// What may be in use for ever is abandoned.
  ~Execution();

  Status run(executorch::runtime::Span<executorch::runtime::EValue*> values);

 private:
  Status read_inputs();
  Status lease_slot(const SelectedStream& selected);
  Status prepare(Slot& slot, const SelectedStream& selected);
  Status place_arguments(Slot& slot);
  Status check_can_be_captured() const;
  Status enqueue(Slot& slot, const SelectedStream& selected);
  Status run_engine(Slot& slot, const SelectedStream& selected);

  process::Process& process_;
  const cuda::Device& device_;
  const IoPlan& plan_;
  SlotPool& slots_;
  Failures& failures_;
  Counters& counters_;

  // Room for the arguments of all but extreme calls without touching the heap.
  std::array<std::byte, 16384> storage_;
  std::pmr::monotonic_buffer_resource arena_{storage_.data(), storage_.size()};
  Arguments arguments_{&arena_};
  std::pmr::vector<InputState> inputs_{&arena_};

  ArgumentStaging staging_;
  std::optional<SlotPool::Lease> slot_;
  bool waits_ = false;     ///< results are ready on return
  bool unproven_ = false;  ///< every wait for the work failed
};

}  // namespace etrt::delegate
