#include <utility>

#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/graph_lifetime.h>
#include <cuda/relaxed_capture.h>
#include <cuda/waits.h>
#include <delegate/slots/slot.h>

namespace etrt::delegate {
namespace {

std::uint64_t next_slot_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

Slot::Slot(const SlotParts& parts)
    : parts_(parts), driver_(parts.device.driver), failures_(parts.failures, next_slot_id()) {}

Slot::~Slot() = default;

Result<std::unique_ptr<Slot>> Slot::create(const SlotParts& parts) {
  // The primary context, whichever is current: an event made in a green context would go with it.
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(parts.device.driver, parts.device.primary));
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(parts.device.driver));
  std::unique_ptr<Slot> slot(new Slot(parts));
  ETRT_TRY(slot->make());
  return slot;
}

Status Slot::make() {
  ETRT_TRY_ASSIGN(context_, parts_.engine.create_context(parts_.profile));
  context_->set_failure_sink(&failures_);
  bindings_ = std::make_unique<Bindings>(*context_, parts_.plan);
  ETRT_TRY_ASSIGN(events_, create_events());
  tells_inputs_consumed_ = context_->set_input_consumed_event(events_.inputs_consumed.get());
  for (std::size_t i = 0; i < parts_.plan.arguments.size(); ++i) staging_.emplace_back(parts_.memory.heap());
  make_graphs();
  return {};
}

void Slot::make_graphs() {
  const IoPlan& plan = parts_.plan;
  const bool worth_it = parts_.cuda_graph == GraphMode::kOn || parts_.engine.gains_by_graphs();
  graphs_.emplace(parts_.device, *context_, events_.inputs_consumed.get(), plan.arguments.size(),
                  worth_it ? parts_.cuda_graph : GraphMode::kOff, parts_.graphs);
  if (!worth_it || parts_.cuda_graph == GraphMode::kOff) return;
  if (plan.keeps_state) graphs_->give_up("it keeps state of its own");
  if (plan.synchronous) graphs_->give_up("the engine streams its weights, which waits for the device");
  if (plan.has_data_dependent_outputs)
    graphs_->give_up("an output's shape depends on data, which the engine waits for");
  for (std::size_t i = plan.input_count; i < plan.arguments.size(); ++i) {
    if (plan.arguments[i].on_host()) graphs_->give_up("the engine writes an output on the host");
  }
}

Result<Slot::Events> Slot::create_events() {
  Events events;
  ETRT_TRY_ASSIGN(events.done, cuda::create_event(driver_));
  ETRT_TRY_ASSIGN(events.inputs_consumed, cuda::create_event(driver_));
  return events;
}

bool Slot::is_idle() const {
  return !ran_ || driver_.cuEventQuery(events_.done.get()) == CUDA_SUCCESS;
}

bool Slot::is_captured() {
  if (captured_ && callers_graphs_.expired()) come_back();
  return captured_;
}

void Slot::come_back() {
  captured_ = false;
  stream_ = nullptr;
  given_ = {};
  static_cast<void>(context_->set_input_consumed_event(events_.inputs_consumed.get()));
}

/// A guard that began inside the capture does not know which stream its handle is: a slot that is in flight on that
/// handle is waited for, since its work may be that of an earlier stream of the same handle.
Slot::CaptureFit Slot::capture_fit(const SelectedStream& stream, std::span<const InputState> inputs) {
  if (!warm_ || !is_set_to(inputs)) return CaptureFit::kNone;
  const bool near = stream_ == stream.stream.get();
  if (is_captured()) return near ? CaptureFit::kCapturedHere : CaptureFit::kNone;
  if (follows(stream)) return CaptureFit::kFollows;
  // What the engine has in the stream's partition (auxiliary streams) comes with the slot that ran there.
  if (is_idle()) return near ? CaptureFit::kIdleAndNear : CaptureFit::kIdle;
  return near ? CaptureFit::kBusy : CaptureFit::kNone;
}

Status Slot::make_wait(cuda::StreamRef stream) const {
  return cuda::check(driver_, driver_.cuStreamWaitEvent(stream.get(), events_.done.get(), 0), "cuStreamWaitEvent");
}

Status Slot::wait() const {
  return cuda::synchronize(driver_, events_.done.get());
}

bool Slot::settle() noexcept {
  if (!ran_) return true;
  const bool over = cuda::wait_for_event(parts_.device, events_.done.get());
  if (over) ran_ = false;
  return over;
}

Result<bool> Slot::set_shapes(std::span<const InputState> inputs) {
  if (is_set_to(inputs)) return false;
  invalidate();
  ETRT_TRY(bindings_->set_shapes(inputs));
  scratch_needed_ = context_->device_memory_bytes();
  return true;
}

void Slot::set_layer_timing(bool on) {
  if (on == times_layers_) return;
  times_layers_ = on;
  static_cast<void>(context_->set_layer_timing(on));
}

Status Slot::prepare(const SelectedStream& stream) {
  if (stream.in_capture) return prepare_capture(stream);
  if (scratch_needed_ == 0) return {};
  ETRT_TRY_ASSIGN([[maybe_unused]] const auto lease,
                  parts_.memory.scratch().lease(scratch_, stream.stream, stream.id, scratch_needed_));
  return {};
}

/// After the first part of a call is captured, the slot is the graph's whatever comes.
Status Slot::prepare_capture(const SelectedStream& stream) {
  ETRT_TRY(context_->prepare_capture(stream.stream));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(driver_, parts_.device.primary));
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(driver_));
  ETRT_TRY(reserve_graph_scratch());
  if (!graph_events_.done) {
    ETRT_TRY_ASSIGN(graph_events_, create_events());
  }
  return keep_with_graph(stream.stream);
}

Status Slot::keep_with_graph(cuda::StreamRef stream) {
  std::shared_ptr<void> held = callers_graphs_.lock();
  if (held == nullptr) held = std::make_shared<char>();
  Status kept = cuda::keep_with_captured_graph(driver_, stream, held);
  if (!kept.ok() && kept.error().code() != ErrorCode::kNotSupported) return kept;
  if (!kept.ok()) kept_for_good_ = held;
  callers_graphs_ = held;
  return {};
}

/// Allocated while the stream is in capture, which the driver allows in relaxed mode. No graph uses what it replaces:
/// while one has the slot, the shapes stay.
Status Slot::reserve_graph_scratch() {
  if (scratch_needed_ <= graph_scratch_.size()) return {};
  ETRT_TRY_ASSIGN(graph_scratch_,
                  memory::StreamOrderedMemory::create_for_any_stream(parts_.memory.heap(), scratch_needed_));
  graph_bytes_.store(scratch_needed_, std::memory_order_relaxed);
  return {};
}

void Slot::begin(const SelectedStream& stream) {
  if (stream.in_capture && !captured_) {
    captured_ = true;
    static_cast<void>(context_->set_input_consumed_event(graph_events_.inputs_consumed.get()));
  }
  stream_ = stream.stream.get();
  stream_id_ = stream.in_capture ? 0 : stream.id;
}

Result<std::uint64_t> Slot::stage(std::size_t argument, std::size_t bytes, cuda::StreamRef stream) {
  memory::DeviceStaging& staging = staging_[argument];
  const std::size_t before = staging.capacity();
  auto address = staging.reserve(bytes, stream);
  staging_bytes_.fetch_add(staging.capacity() - before, std::memory_order_relaxed);
  return address;
}

Status Slot::run(const SelectedStream& stream, engine::OutputAllocator* outputs) {
  memory::ScratchPool::Lease lease;
  if (scratch_needed_ > 0 && !stream.in_capture) {
    ETRT_TRY_ASSIGN(lease, parts_.memory.scratch().lease(scratch_, stream.stream, stream.id, scratch_needed_));
    ETRT_TRY(give_scratch(lease.address));
  } else if (scratch_needed_ > 0) {
    ETRT_TRY(give_scratch(graph_scratch_.get()));
  }
  ran_as_graph_ = false;
  if (outputs == nullptr) {
    const CUgraphExec graph = graph_for(stream);
    if (graph == nullptr) return context_->enqueue(stream.stream);
    ran_as_graph_ = true;
    parts_.graphs.launched();
    return cuda::check(driver_, driver_.cuGraphLaunch(graph, stream.stream.get()), "cuGraphLaunch");
  }
  context_->set_output_allocator(outputs);
  Status enqueued = context_->enqueue(stream.stream);
  context_->set_output_allocator(nullptr);
  return enqueued;
}

/// None in a capture of the caller's, which takes the launches themselves, and none while layers are timed, which are
/// the engine's own launches.
CUgraphExec Slot::graph_for(const SelectedStream& stream) {
  if (stream.in_capture || times_layers_) return nullptr;
  return graphs_->find(stream.stream, {stream.id, given_.address, *bindings_}, warm_);
}

Status Slot::give_scratch(std::uint64_t address) {
  if (given_.address == address && given_.bytes == scratch_needed_) return {};
  given_ = {};
  ETRT_TRY(context_->set_device_memory(address, scratch_needed_));
  given_ = {address, scratch_needed_};
  return {};
}

Status Slot::finish(const SelectedStream& stream) {
  ETRT_TRY(cuda::check(driver_, driver_.cuEventRecord(done(), stream.stream.get()), "cuEventRecord"));
  if (stream.in_capture) return {};
  ran_ = warm_ = true;
  scratch_.used_until(done());
  return {};
}

void Slot::invalidate() {
  graphs_->clear();
  bindings_->invalidate();
  given_ = {};
  warm_ = false;
}

CUevent Slot::inputs_consumed() const {
  return tells_inputs_consumed_ && !ran_as_graph_ ? events().inputs_consumed.get() : done();
}

std::vector<LayerTime> Slot::layer_times() {
  if (!times_layers_ || captured_) return {};
  const auto scope = cuda::CurrentContext::push(driver_, parts_.device.primary);
  const auto relaxed = cuda::RelaxedCapture::enter(driver_);
  if (!scope.ok() || !relaxed.ok()) return {};
  // An engine without layers, and one that has not run since, answer with an error: there is nothing to tell.
  auto times = context_->layer_times();
  if (!times.ok()) return {};
  return std::move(times).value();
}

void Slot::add_to(ProgramReport& report) const {
  report.device_staging_bytes += staging_bytes_.load(std::memory_order_relaxed);
  report.graph_bytes += graph_bytes_.load(std::memory_order_relaxed);
}

}  // namespace etrt::delegate
