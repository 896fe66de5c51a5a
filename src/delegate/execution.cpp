#include <cstring>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <delegate/execution.h>
#include <delegate/placement.h>
#include <delegate/runtime.h>

namespace etrt::delegate {
namespace {

/// Staged tensors start at CUDA's own allocation alignment.
constexpr std::size_t kStagingAlignment = 256;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + kStagingAlignment - 1) / kStagingAlignment * kStagingAlignment;
}

std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

}  // namespace

Status Execution::run(executorch::runtime::Span<executorch::runtime::EValue*> values) {
  ETRT_TRY(read_arguments(plan_, values, arguments_));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(driver_, device_.ordinal, device_.primary));
  ETRT_TRY_ASSIGN(const SelectedStream selected, select_stream(device_));
  ETRT_TRY_ASSIGN(const LanePool::Lease lane, lease_lane(selected));
  if (lane.changed_stream()) Runtime::instance().partitions.note(device_, selected.stream);
  if (auto failure = lane->context().take_failure()) {
    return std::move(*failure).within("an earlier execution of this program failed after it was enqueued");
  }
  ETRT_TRY(set_shapes(*lane));
  ETRT_TRY(place_arguments(*lane));
  waits_ = !selected.chosen_by_caller || returns_host_data();
  ETRT_TRY(refuse_in_capture(selected, lane.in_capture()));

  InFlight in_flight(driver_, selected.stream);
  in_flight.begin();
  Status enqueued = enqueue(*lane, selected.stream);
  if (enqueued.ok()) enqueued = in_flight.record(lane->done());
  if (!enqueued.ok()) {
    lane->invalidate();
    return enqueued;
  }
  if (!waits_) {
    in_flight.leave();
    return {};
  }
  ETRT_TRY(in_flight.wait());
  if (auto failure = lane->context().take_failure()) return std::move(*failure);
  copy_results_out();
  return {};
}

Result<LanePool::Lease> Execution::lease_lane(const SelectedStream& selected) {
  std::array<engine::Dims, 32> few;
  std::pmr::vector<engine::Dims> many(&arena_);
  std::span<engine::Dims> inputs(few);
  if (plan_.input_count > few.size()) {
    many.resize(plan_.input_count);
    inputs = many;
  }
  inputs = inputs.first(plan_.input_count);
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i] = arguments_[i].dims;
  return lanes_.lease({selected, inputs});
}

Status Execution::set_shapes(Lane& lane) {
  engine::ExecutionContext& context = lane.context();
  bool changed = !lane.shapes_valid;
  for (std::size_t i = 0; i < plan_.input_count; ++i) changed |= !(lane.dims[i] == arguments_[i].dims);
  if (changed) {
    lane.invalidate();
    for (std::size_t i = 0; i < plan_.input_count; ++i) {
      ETRT_TRY(context.set_input_shape(plan_.arguments[i].tensor, arguments_[i].dims));
      lane.dims[i] = arguments_[i].dims;
    }
    ETRT_TRY(context.resolve_shapes());
    for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
      lane.dims[i] = context.shape(plan_.arguments[i].tensor);
    }
    lane.shapes_valid = true;
  }
  for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
    ETRT_TRY(resize_output(plan_.arguments[i], arguments_[i], lane.dims[i]));
  }
  return {};
}

Status Execution::place_arguments(Lane& lane) {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    ETRT_TRY(place(device_, plan_.arguments[i], lane.bound[i], arguments_[i]));
  }
  return {};
}

bool Execution::is_staged(std::size_t index) const {
  const Placement placement = arguments_[index].placement;
  return placement == Placement::kHostPageable || placement == Placement::kHostPinned;
}

/// An input on the host that the engine updates in place is a result on the host as well.
bool Execution::returns_host_data() const {
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const bool is_result = i >= plan_.input_count || plan_.arguments[i].is_alias_target;
    if (is_result && is_staged(i)) return true;
  }
  return false;
}

Status Execution::refuse_in_capture(const SelectedStream& selected, bool known_capture) const {
  bool staged = false;
  for (std::size_t i = 0; i < arguments_.size(); ++i) staged |= is_staged(i);
  if (!staged && !waits_) return {};
  CUstreamCaptureStatus capture = CU_STREAM_CAPTURE_STATUS_ACTIVE;
  if (!known_capture) {
    ETRT_TRY(cuda::check(driver_, driver_.cuStreamIsCapturing(selected.stream.get(), &capture), "cuStreamIsCapturing"));
  }
  if (capture == CU_STREAM_CAPTURE_STATUS_NONE) return {};
  return Error(ErrorCode::kInvalidState,
               staged ? "the stream is being captured and a tensor is host memory, which is staged anew at every call: "
                        "capture with all inputs and outputs on the device"
                      : "the per-thread default stream is being captured and the call would wait for it: choose the "
                        "stream with etrt::StreamGuard");
}

Status Execution::enqueue(Lane& lane, cuda::StreamRef stream) {
  ETRT_TRY(stage_inputs(lane, stream));
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    ETRT_TRY_ASSIGN(const std::uint64_t address, device_address(lane, i, stream));
    ETRT_TRY(bind(lane, i, address));
  }
  ETRT_TRY(lane.context().enqueue(stream));
  ETRT_TRY(copy_aliases(lane, stream));
  return stage_outputs(lane, stream);
}

/// Where the engine finds an argument: its own memory, its staging, or, for an aliased output, its input's place.
Result<std::uint64_t> Execution::device_address(Lane& lane, std::size_t index, cuda::StreamRef stream) {
  const Argument& argument = arguments_[index];
  if (const auto aliased = plan_.arguments[index].aliased_input) return device_address(lane, *aliased, stream);
  if (argument.placement == Placement::kEmpty) return std::uint64_t{0};
  if (argument.placement == Placement::kDevice) return address_of(argument.data);
  return lane.staging[index].reserve(argument.bytes, stream);
}

Status Execution::bind(Lane& lane, std::size_t index, std::uint64_t address) {
  Lane::Bound& bound = lane.bound[index];
  const std::size_t bytes = arguments_[index].bytes;
  if (bound.address == address && bound.bytes == bytes) return {};
  bound = {};
  ETRT_TRY(lane.context().bind(plan_.arguments[index].tensor, address, bytes));
  bound = {address, bytes};
  return {};
}

Status Execution::copy_to_device(std::uint64_t target, const void* source, std::size_t bytes, cuda::StreamRef stream) {
  return cuda::check(driver_, driver_.cuMemcpyHtoDAsync(target, source, bytes, stream.get()), "cuMemcpyHtoDAsync");
}

std::size_t Execution::staged_bytes(bool inputs) const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const bool wanted = inputs ? i < plan_.input_count : i >= plan_.input_count || plan_.arguments[i].is_alias_target;
    if (wanted && is_staged(i)) total += aligned(arguments_[i].bytes);
  }
  return total;
}

Status Execution::stage_inputs(Lane& lane, cuda::StreamRef stream) {
  const std::size_t total = staged_bytes(true);
  if (total == 0) return {};
  ETRT_TRY_ASSIGN(input_block_, pinned_.lend(total));
  std::byte* host = input_block_.data();
  for (std::size_t i = 0; i < plan_.input_count; ++i) {
    if (!is_staged(i)) continue;
    const Argument& argument = arguments_[i];
    ETRT_TRY_ASSIGN(const std::uint64_t target, lane.staging[i].reserve(argument.bytes, stream));
    // Pinned memory of the caller can be read in place only when the call waits: else the caller may overwrite it.
    const void* source = argument.data;
    if (argument.placement == Placement::kHostPageable || !waits_) {
      std::memcpy(host, argument.data, argument.bytes);
      source = host;
      host += aligned(argument.bytes);
    }
    ETRT_TRY(copy_to_device(target, source, argument.bytes, stream));
  }
  return waits_ ? Status() : input_block_.release_after(stream);
}

/// The engine has updated an aliased input in place; the program's own output tensor gets the same contents.
Status Execution::copy_aliases(Lane& lane, cuda::StreamRef stream) {
  for (std::size_t i = plan_.input_count; i < arguments_.size(); ++i) {
    const Argument& output = arguments_[i];
    if (!plan_.arguments[i].aliased_input || output.placement != Placement::kDevice) continue;
    const std::uint64_t target = address_of(output.data);
    const std::uint64_t source = lane.bound[i].address;
    if (target == source) continue;
    ETRT_TRY(cuda::check(driver_, driver_.cuMemcpyDtoDAsync(target, source, output.bytes, stream.get()),
                         "cuMemcpyDtoDAsync"));
  }
  return {};
}

Status Execution::stage_outputs(Lane& lane, cuda::StreamRef stream) {
  const std::size_t total = staged_bytes(false);
  if (total == 0) return {};
  ETRT_TRY_ASSIGN(output_block_, pinned_.lend(total));
  std::byte* host = output_block_.data();
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const bool is_result = i >= plan_.input_count || plan_.arguments[i].is_alias_target;
    if (!is_result || !is_staged(i)) continue;
    const Argument& argument = arguments_[i];
    void* target = argument.data;
    if (argument.placement == Placement::kHostPageable) {
      target = host;
      host += aligned(argument.bytes);
    }
    ETRT_TRY(cuda::check(driver_,
                         driver_.cuMemcpyDtoHAsync(target, lane.bound[i].address, argument.bytes, stream.get()),
                         "cuMemcpyDtoHAsync"));
  }
  return {};
}

void Execution::copy_results_out() {
  if (!output_block_) return;
  const std::byte* host = output_block_.data();
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    const bool is_result = i >= plan_.input_count || plan_.arguments[i].is_alias_target;
    if (!is_result || arguments_[i].placement != Placement::kHostPageable) continue;
    std::memcpy(arguments_[i].data, host, arguments_[i].bytes);
    host += aligned(arguments_[i].bytes);
  }
}

}  // namespace etrt::delegate
