#include <algorithm>
#include <utility>

#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <delegate/lane.h>

namespace etrt::delegate {

Result<std::unique_ptr<Lane>> Lane::create(memory::DevicePools& pools, engine::Engine& engine, const IoPlan& plan,
                                           std::optional<int> profile) {
  const cuda::Device& device = pools.device();
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  const cuda::RelaxedCapture relaxed(device.driver);
  std::unique_ptr<Lane> lane(new Lane());
  ETRT_TRY_ASSIGN(lane->context_, engine.create_context(profile));
  ETRT_TRY_ASSIGN(lane->events_, lane->create_events(device));
  lane->dims.resize(plan.arguments.size());
  lane->bound.resize(plan.arguments.size());
  lane->values.resize(plan.arguments.size());
  for (std::size_t i = 0; i < plan.arguments.size(); ++i) {
    const engine::TensorInfo& info = plan.arguments[i].info;
    lane->staging.emplace_back(pools.heap());
    if (!plan.arguments[i].on_host()) continue;
    lane->values[i].resize(engine::element_count(info.maximum).value_or(0) * engine::byte_size(info.type));
  }
  return lane;
}

/// In the primary context, whichever is current: an event made in a green context would go with it.
Result<Lane::Events> Lane::create_events(const cuda::Device& device) {
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
  const cuda::RelaxedCapture relaxed(device.driver);
  Events events;
  ETRT_TRY_ASSIGN(events.done, cuda::create_event(device.driver));
  ETRT_TRY_ASSIGN(auto inputs_consumed, cuda::create_event(device.driver));
  if (context_->set_input_consumed_event(inputs_consumed.get())) events.inputs_consumed = std::move(inputs_consumed);
  return events;
}

Status Lane::enter_graph(const cuda::Device& device) {
  if (in_graph_) return {};
  ETRT_TRY_ASSIGN(Events events, create_events(device));
  before_graph_ = std::exchange(events_, std::move(events));
  in_graph_ = true;
  return {};
}

bool Lane::is_set_to(std::span<const InputState> inputs) const {
  if (!shapes_valid) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const InputState& input = inputs[i];
    if (!(input.dims == dims[i])) return false;
    if (!std::equal(input.values.begin(), input.values.end(), values[i].begin())) return false;
  }
  return true;
}

Result<std::uint64_t> Lane::scratch_for_graph(memory::DeviceHeap& heap, std::size_t bytes) {
  if (bytes > graph_scratch_bytes) {
    ETRT_TRY_ASSIGN(auto made, memory::StreamOrderedMemory::create_for_any_stream(heap, bytes));
    graph_scratch.push_back(std::move(made));
    graph_scratch_bytes = bytes;
    graph_scratch_total += bytes;
  }
  return graph_scratch.back().get();
}

void Lane::set_layer_timing(bool on) {
  if (on == times_layers_) return;
  times_layers_ = on;
  static_cast<void>(context_->set_layer_timing(on));
}

void Lane::invalidate() {
  shapes_valid = false;
  warm = false;
  for (Bound& entry : bound) entry = {};
  scratch_address = 0;
  scratch_bytes = 0;
}

}  // namespace etrt::delegate
