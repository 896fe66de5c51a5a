#include <api/guard_access.h>
#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <delegate/call/data_dependent.h>
#include <delegate/call/execution.h>
#include <delegate/call/in_flight.h>
#include <delegate/call/partition_mix.h>
#include <delegate/call/placement.h>
#include <process/process.h>

namespace etrt::delegate {

Execution::~Execution() {
  if (!unproven_) return;
  staging_.abandon();
  std::move(*slot_).abandon();
}

Status Execution::run(executorch::runtime::Span<executorch::runtime::EValue*> values) {
  ETRT_TRY(read_arguments(plan_, values, arguments_));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device_.driver, device_.ordinal, device_.primary));
  ETRT_TRY_ASSIGN(const SelectedStream selected, select_stream(device_));
  ETRT_TRY(read_inputs());
  if (auto failure = failures_.take_any()) {
    return std::move(*failure).within("an earlier execution of this program failed after it was enqueued");
  }
  ETRT_TRY(lease_slot(selected));
  Slot& slot = **slot_;
  slot.begin(selected);

  InFlight in_flight(device_, selected, unproven_);
  Status enqueued = enqueue(slot, selected);
  if (enqueued.ok()) enqueued = slot.finish(selected);
  if (!enqueued.ok()) {
    slot.invalidate();
    return enqueued;
  }
  if (selected.chosen_by_caller) detail::enqueued_under_guard(slot.inputs_consumed(), slot.done());
  if (!waits_) {
    in_flight.let_go();
    return {};
  }
  Counters::add(counters_.waiting_calls);
  ETRT_TRY(in_flight.wait());
  if (auto failure = slot.take_failure()) return std::move(*failure);
  staging_.fetch(slot);
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

/// A slot with all that the call needs. Where there is no memory for that, the call waits for a slot that has it.
Status Execution::lease_slot(const SelectedStream& selected) {
  while (true) {
    ETRT_TRY_ASSIGN(SlotPool::Lease lease, slots_.lease({selected, inputs_}));
    Status prepared = prepare(*lease, selected);
    if (prepared.ok()) {
      slot_.emplace(std::move(lease));
      return {};
    }
    const bool retry = prepared.error().code() == ErrorCode::kOutOfMemory && !selected.in_capture;
    if (!retry || !std::move(lease).give_up(prepared.error())) return prepared;
  }
}

/// All that can fail before anything is enqueued.
Status Execution::prepare(Slot& slot, const SelectedStream& selected) {
  if (!slot.follows(selected)) note_partition(process_.partitions(), device_, selected.stream);
  slot.set_layer_timing(process_.times_layers());
  ETRT_TRY_ASSIGN(const bool changed, slot.set_shapes(inputs_));
  if (changed) Counters::add(counters_.shape_changes);
  for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
    ETRT_TRY(resize_output(plan_.arguments[i], arguments_[i], slot.dims(i)));
  }
  ETRT_TRY(place_arguments(slot));
  waits_ = !selected.chosen_by_caller || staging_.returns_host_data();
  if (selected.in_capture) ETRT_TRY(check_can_be_captured());
  return slot.prepare(selected);
}

Status Execution::place_arguments(Slot& slot) {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (plan_.arguments[i].on_host()) {
      if (i >= plan_.input_count) ETRT_TRY(place_on_host(device_, plan_.arguments[i], arguments_[i]));
      continue;
    }
    ETRT_TRY(place(device_, plan_.arguments[i], slot.bound_address(i), arguments_[i]));
  }
  return {};
}

Status Execution::check_can_be_captured() const {
  if (plan_.keeps_state) {
    return Error(ErrorCode::kInvalidState,
                 "the stream is being captured and the program keeps state of its own, which a graph would change "
                 "whenever it is launched: run this program outside of the capture");
  }
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
    if (!staging_.is_staged(i)) continue;
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

Status Execution::enqueue(Slot& slot, const SelectedStream& selected) {
  ETRT_TRY(staging_.copy_in(slot, selected.stream, waits_));
  ETRT_TRY(staging_.locate(slot, selected.stream));
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (plan_.arguments[i].on_host() || plan_.arguments[i].info.data_dependent) continue;
    ETRT_TRY_ASSIGN(const bool anew, slot.bind(i, arguments_[i].engine_address, arguments_[i].bytes));
    if (anew) Counters::add(counters_.bindings_set);
  }
  ETRT_TRY(run_engine(slot, selected));
  return staging_.copy_out(selected.stream);
}

Status Execution::run_engine(Slot& slot, const SelectedStream& selected) {
  if (!plan_.has_data_dependent_outputs) return slot.run(selected, nullptr);
  DataDependentOutputs outputs(plan_, arguments_, slot);
  Status enqueued = slot.run(selected, &outputs);
  ETRT_TRY(outputs.take_status());
  ETRT_TRY(std::move(enqueued));
  return outputs.check_allocated();
}

}  // namespace etrt::delegate
