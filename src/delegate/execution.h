#pragma once

#include <array>
#include <cstddef>
#include <memory/pinned_pool.h>
#include <memory_resource>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/span.h>

#include <cuda/device.h>
#include <delegate/arguments.h>
#include <delegate/counters.h>
#include <delegate/in_flight.h>
#include <delegate/io_plan.h>
#include <delegate/lane_pool.h>
#include <delegate/stream_selection.h>
#include <etrt/result.h>

namespace etrt::process {
class Process;
}

namespace etrt::delegate {

/// One call of execute(), from its arguments to its results: check, lease a lane, set shapes, place memory, enqueue,
/// and wait where the contract says so (docs/contract.md).
/// Threads: lives on the stack of one call.
class Execution {
 public:
  Execution(process::Process& process, const cuda::Device& device, const IoPlan& plan, LanePool& lanes,
            memory::PinnedPool& pinned, Counters& counters)
      : process_(process),
        device_(device),
        driver_(device.driver),
        plan_(plan),
        lanes_(lanes),
        pinned_(pinned),
        counters_(counters) {}

  Status run(executorch::runtime::Span<executorch::runtime::EValue*> values);

 private:
  Status read_inputs();
  Status set_shapes(Lane& lane);
  Status resolve_shapes(Lane& lane);
  Status check_alias(const Lane& lane, std::size_t output) const;
  Status bind_values(Lane& lane, std::size_t index, std::size_t bytes);
  Status place_arguments(Lane& lane);
  Status check_can_be_captured() const;
  Status prepare_capture(Lane& lane, const SelectedStream& selected) const;

  Status enqueue(Lane& lane, const SelectedStream& selected);
  Status run_engine(Lane& lane, const SelectedStream& selected);
  Result<memory::ScratchPool::Lease> give_scratch(Lane& lane, const SelectedStream& selected);
  Status bind(Lane& lane, std::size_t index, std::uint64_t address);
  Result<std::uint64_t> device_address(Lane& lane, std::size_t index, cuda::StreamRef stream);
  Status stage_inputs(Lane& lane, cuda::StreamRef stream);
  Status copy_aliases(Lane& lane, cuda::StreamRef stream);
  Status stage_outputs(Lane& lane, cuda::StreamRef stream);
  Status stage_host_inputs(Lane& lane, cuda::StreamRef stream);
  Status stage_host_outputs(Lane& lane, cuda::StreamRef stream);
  Status copy_to_device(std::uint64_t target, const void* source, std::size_t bytes, cuda::StreamRef stream);
  Status copy_on_device(std::uint64_t target, std::uint64_t source, std::size_t bytes, cuda::StreamRef stream);

  bool is_result(std::size_t index) const;
  bool is_on_host(std::size_t index) const;
  bool is_staged_on_device(std::size_t index) const;
  bool returns_host_data() const;
  std::size_t pinned_bytes(bool inputs) const;
  void copy_results_out(const Lane& lane);

  process::Process& process_;
  const cuda::Device& device_;
  const cuda::Driver& driver_;
  const IoPlan& plan_;
  LanePool& lanes_;
  memory::PinnedPool& pinned_;
  Counters& counters_;

  // Room for the arguments of all but extreme calls without touching the heap.
  std::array<std::byte, 16384> storage_;
  std::pmr::monotonic_buffer_resource arena_{storage_.data(), storage_.size()};
  Arguments arguments_{&arena_};
  std::pmr::vector<InputState> inputs_{&arena_};

  bool waits_ = false;  ///< results are ready on return
  memory::PinnedPool::Block input_block_;
  memory::PinnedPool::Block output_block_;
};

}  // namespace etrt::delegate
