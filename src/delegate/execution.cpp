#include <algorithm>

#include <api/guard_access.h>
#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <delegate/data_dependent.h>
#include <delegate/execution.h>
#include <delegate/placement.h>
#include <delegate/runtime.h>

namespace etrt::delegate {
Status Execution::run(executorch::runtime::Span<executorch::runtime::EValue*> values) {
  ETRT_TRY(read_arguments(plan_, values, arguments_));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(driver_, device_.ordinal, device_.primary));
  ETRT_TRY_ASSIGN(const SelectedStream selected, select_stream(device_));
  ETRT_TRY(read_inputs());
  ETRT_TRY_ASSIGN(const LanePool::Lease lane, lanes_.lease({selected, inputs_}));
  if (lane.changes_stream()) Runtime::instance().partitions.note(device_, selected.stream);
  if (auto failure = lane->context().take_failure()) {
    return std::move(*failure).within("an earlier execution of this program failed after it was enqueued");
  }
  lane->set_layer_timing(Runtime::instance().times_layers.load(std::memory_order_relaxed));
  ETRT_TRY(set_shapes(*lane));
  ETRT_TRY(place_arguments(*lane));
  waits_ = !selected.chosen_by_caller || returns_host_data();
  if (selected.in_capture) ETRT_TRY(prepare_capture(*lane, selected));
  ETRT_TRY(lane.begin());

  InFlight in_flight(driver_, selected.stream);
  in_flight.begin();
  Status enqueued = enqueue(*lane, selected);
  if (enqueued.ok()) enqueued = in_flight.record(lane->done());
  if (!enqueued.ok()) {
    lane->invalidate();
    return enqueued;
  }
  if (!selected.in_capture) lane->ran = lane->warm = true;
  if (selected.chosen_by_caller) detail::enqueued_under_guard(lane->inputs_consumed(), lane->done());
  if (!waits_) {
    in_flight.leave();
    return {};
  }
  Counters::add(counters_.waiting_calls);
  ETRT_TRY(in_flight.wait());
  if (auto failure = lane->context().take_failure()) return std::move(*failure);
  copy_results_out(*lane);
  return {};
}

/// Shapes, and the values of shape tensors, which are read here.
Status Execution::read_inputs() {
  inputs_.reserve(plan_.input_count);
  for (std::size_t i = 0; i < plan_.input_count; ++i) {
    Argument& argument = arguments_[i];
    std::span<const std::byte> values;
    if (plan_.arguments[i].on_host()) {
      ETRT_TRY(place_on_host(device_, plan_.arguments[i], argument));
      values = {static_cast<const std::byte*>(argument.data), argument.bytes};
    }
    inputs_.push_back({argument.dims, values});
  }
  return {};
}

Status Execution::set_shapes(Lane& lane) {
  if (!lane.is_set_to(inputs_)) {
    lane.invalidate();
    ETRT_TRY(resolve_shapes(lane));
    lane.shapes_valid = true;
    Counters::add(counters_.shape_changes);
  }
  for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
    ETRT_TRY(resize_output(plan_.arguments[i], arguments_[i], lane.dims[i]));
  }
  return {};
}

Status Execution::resolve_shapes(Lane& lane) {
  engine::ExecutionContext& context = lane.context();
  for (std::size_t i = 0; i < plan_.input_count; ++i) {
    ETRT_TRY(context.set_input_shape(plan_.arguments[i].tensor, inputs_[i].dims));
    lane.dims[i] = inputs_[i].dims;
    std::copy(inputs_[i].values.begin(), inputs_[i].values.end(), lane.values[i].begin());
    if (plan_.arguments[i].on_host()) ETRT_TRY(bind_values(lane, i, inputs_[i].values.size()));
  }
  ETRT_TRY(context.resolve_shapes());
  for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
    const ArgumentPlan& output = plan_.arguments[i];
    lane.dims[i] = output.info.data_dependent ? output.info.maximum : context.shape(output.tensor);
    if (output.on_host()) ETRT_TRY(bind_values(lane, i, lane.values[i].size()));
    if (output.aliased_input) ETRT_TRY(check_alias(lane, i));
  }
  lane.scratch_needed = context.device_memory_bytes();
  return {};
}

Status Execution::check_alias(const Lane& lane, std::size_t output) const {
  const std::size_t input = *plan_.arguments[output].aliased_input;
  if (lane.dims[output] == lane.dims[input]) return {};
  return Error(
      ErrorCode::kInvalidData,
      base::concat("output '", plan_.arguments[output].info.name, "' is ", engine::to_string(lane.dims[output]),
                   " for these inputs and shares the memory of input '", plan_.arguments[input].info.name,
                   "', which is ", engine::to_string(lane.dims[input]), ": aliased tensors have one shape"));
}

Status Execution::bind_values(Lane& lane, std::size_t index, std::size_t bytes) {
  return lane.context().bind(plan_.arguments[index].tensor, reinterpret_cast<std::uint64_t>(lane.values[index].data()),
                             bytes);
}

Status Execution::place_arguments(Lane& lane) {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (plan_.arguments[i].on_host()) {
      if (i >= plan_.input_count) ETRT_TRY(place_on_host(device_, plan_.arguments[i], arguments_[i]));
      continue;
    }
    ETRT_TRY(place(device_, plan_.arguments[i], lane.bound[i], arguments_[i]));
  }
  return {};
}

Status Execution::check_can_be_captured() const {
  if (plan_.synchronous) {
    return Error(ErrorCode::kInvalidState,
                 "the stream is being captured and the engine streams its weights, which waits for the device: give it "
                 "a larger weight_streaming_budget, or run this program outside of the capture");
  }
  if (plan_.has_data_dependent_outputs) {
    return Error(ErrorCode::kInvalidState,
                 "the stream is being captured and an output's shape depends on data, which the engine waits for: run "
                 "this program outside of the capture");
  }
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (!is_on_host(i) && !is_staged_on_device(i)) continue;
    return Error(ErrorCode::kInvalidState,
                 base::concat("the stream is being captured and tensor '", plan_.arguments[i].info.name,
                              "' is memory that the engine cannot use in place, so that it is staged anew at every "
                              "call: capture with all inputs and outputs on the device, aligned to ",
                              plan_.arguments[i].info.address_alignment, " bytes"));
  }
  if (!waits_) return {};
  return Error(
      ErrorCode::kInvalidState,
      "the stream is being captured and the call would wait for it, for the per-thread default stream or for a "
      "shape on the host: choose another stream with etrt::StreamGuard, and capture programs without such "
      "outputs");
}

/// All that can fail before the first part of the call is captured, after which the lane belongs to the graph.
Status Execution::prepare_capture(Lane& lane, const SelectedStream& selected) const {
  ETRT_TRY(check_can_be_captured());
  ETRT_TRY(lane.context().prepare_capture(selected.stream));
  if (lane.scratch_needed == 0) return {};
  ETRT_TRY_ASSIGN([[maybe_unused]] const std::uint64_t reserved, lane.scratch_for_graph(device_, lane.scratch_needed));
  return {};
}

Status Execution::enqueue(Lane& lane, const SelectedStream& selected) {
  const cuda::StreamRef stream = selected.stream;
  ETRT_TRY(stage_inputs(lane, stream));
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (plan_.arguments[i].on_host() || plan_.arguments[i].info.data_dependent) continue;
    ETRT_TRY_ASSIGN(const std::uint64_t address, device_address(lane, i, stream));
    ETRT_TRY(bind(lane, i, address));
  }
  ETRT_TRY(run_engine(lane, selected));
  ETRT_TRY(copy_aliases(lane, stream));
  return stage_outputs(lane, stream);
}

Status Execution::run_engine(Lane& lane, const SelectedStream& selected) {
  ETRT_TRY_ASSIGN(const ScratchPool::Lease scratch, give_scratch(lane, selected));
  DataDependentOutputs outputs(plan_, arguments_, lane);
  Status enqueued = lane.context().enqueue(selected.stream);
  ETRT_TRY(outputs.take_status());
  ETRT_TRY(std::move(enqueued));
  return outputs.check_allocated();
}

Result<ScratchPool::Lease> Execution::give_scratch(Lane& lane, const SelectedStream& selected) {
  ScratchPool::Lease lease;
  const std::size_t bytes = lane.scratch_needed;
  if (bytes == 0) return lease;
  if (selected.in_capture) {
    ETRT_TRY_ASSIGN(lease.address, lane.scratch_for_graph(device_, bytes));
  } else {
    ETRT_TRY_ASSIGN(lease,
                    Runtime::instance().scratch.lease(lane.scratch, device_, selected.stream, selected.id, bytes));
  }
  if (lease.address != lane.scratch_address || bytes != lane.scratch_bytes) {
    lane.scratch_address = 0;
    ETRT_TRY(lane.context().set_device_memory(lease.address, bytes));
    lane.scratch_address = lease.address;
    lane.scratch_bytes = bytes;
  }
  return lease;
}

/// Where the engine finds an argument: its own memory, its staging, or, for an aliased output, its input's place.
Result<std::uint64_t> Execution::device_address(Lane& lane, std::size_t index, cuda::StreamRef stream) {
  const Argument& argument = arguments_[index];
  if (const auto aliased = plan_.arguments[index].aliased_input) return device_address(lane, *aliased, stream);
  if (argument.placement == Placement::kEmpty) return std::uint64_t{0};
  if (argument.placement == Placement::kDevice) return argument.address();
  return lane.staging[index].reserve(argument.bytes, stream);
}

Status Execution::bind(Lane& lane, std::size_t index, std::uint64_t address) {
  Lane::Bound& bound = lane.bound[index];
  const std::size_t bytes = arguments_[index].bytes;
  if (bound.address == address && bound.bytes == bytes) return {};
  bound = {};
  ETRT_TRY(lane.context().bind(plan_.arguments[index].tensor, address, bytes));
  bound = {address, bytes};
  Counters::add(counters_.bindings_set);
  return {};
}

}  // namespace etrt::delegate
