#include <chrono>

#include <executorch/runtime/platform/log.h>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <delegate/call/execution.h>
#include <delegate/handle.h>
#include <delegate/load/device_choice.h>
#include <delegate/load/warm_up.h>
#include <delegate/nvtx_range.h>
#include <delegate/slots/counters.h>
#include <delegate/slots/failures.h>
#include <delegate/slots/graph_counters.h>
#include <delegate/slots/slot_pool.h>
#include <delegate/streams/caller_stream.h>
#include <etrt/options.h>
#include <process/process.h>

namespace etrt::delegate {

/// All that a loaded program is, in one piece: where its work cannot be proven over, it is kept for ever in one piece.
struct Handle::Program {
  Program(process::Process& owner, memory::DevicePools& pools, std::shared_ptr<engine::Engine> loaded, IoPlan io,
          std::string description, const Options& options);

  process::Process& process;
  memory::DevicePools& memory;
  const cuda::Device& device;
  const std::shared_ptr<engine::Engine> engine;
  const IoPlan plan;
  const std::string variant;
  const std::string nvtx_name;
  const std::shared_ptr<Failures> failures = std::make_shared<Failures>();
  Counters counters;
  GraphCounters graphs;
  SlotPool slots;
};

/// State must be one, whichever stream a call comes on: one slot orders the calls.
Handle::Program::Program(process::Process& owner, memory::DevicePools& pools, std::shared_ptr<engine::Engine> loaded,
                         IoPlan io, std::string description, const Options& options)
    : process(owner),
      memory(pools),
      device(pools.device()),
      engine(std::move(loaded)),
      plan(std::move(io)),
      variant(std::move(description)),
      nvtx_name("TensorRTBackend::execute, " + variant),
      slots(device, engine->keeps_state() ? 1 : options.max_inflight,
            [this, profile = options.optimization_profile, cuda_graph = options.cuda_graph] {
              return Slot::create({device, *engine, plan, memory, failures, profile, cuda_graph, graphs});
            }) {}

Result<std::unique_ptr<Handle>> Handle::create(std::span<const std::byte> bytes, const Options& options) {
  const NvtxRange range("TensorRTBackend::init");
  refresh_executorch_caller_stream();
  ETRT_TRY_ASSIGN(const blob::BlobView blob, blob::BlobView::parse(bytes));
  ETRT_TRY_ASSIGN(const DeviceChoice choice, choose_device(blob, options));
  const cuda::Device& device = *choice.device;
  // A thread that captures in global mode forbids others to allocate, load modules and more.
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(device.driver));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device.driver, device.ordinal, device.primary));

  process::Process& process = process::Process::instance();
  memory::DevicePools& pools = process.memory().of(device);
  ETRT_TRY(pools.apply(options.memory));

  const engine::Loader& loader = *choice.candidate.loader;
  ETRT_TRY_ASSIGN(auto engine, process.engines().load(loader, device, choice.candidate.payload, options.engine));
  ETRT_TRY_ASSIGN(IoPlan plan, IoPlan::create(blob.metadata(), *engine, loader.kind() != "program"));

  std::unique_ptr<Handle> handle(new Handle(std::make_unique<Program>(
      process, pools, std::move(engine), std::move(plan), choice.candidate.describe(), options)));
  Program& program = *handle->program_;
  ETRT_TRY(program.slots.make_first());
  if (Status warmed = warm_up(*handle, options.warm_up); !warmed.ok()) {
    return std::move(warmed).error().within(base::concat("option '", kOptionWarmUp, "'"));
  }
  // Warm-up leaves state as it was loaded.
  if (program.plan.keeps_state && !options.warm_up.empty()) ETRT_TRY(program.slots.make_first());
  program.counters.reset();
  program.failures->reset();
  process.handles().add(*handle);
  ET_LOG(Info, "TensorRTBackend: %s runs on %s (%s)", program.variant.c_str(), device.label.c_str(),
         device.description.c_str());
  return handle;
}

Handle::Handle(std::unique_ptr<Program> program) : program_(std::move(program)) {}

Handle::~Handle() {
  program_->process.handles().remove(*this);
  const cuda::Driver& driver = program_->device.driver;
  // The primary context, whichever is current: memory goes back on its per-thread stream.
  const auto scope = cuda::CurrentContext::push(driver, program_->device.primary);
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(driver);
  const bool over = relaxed.has_value() && program_->slots.drain();
  while (const auto failure = program_->failures->take_any()) {
    ET_LOG(Error, "TensorRTBackend: %s failed after it was enqueued, and no call was left to tell: %s",
           program_->variant.c_str(), failure->message().c_str());
    program_->process.handles().add_failure(failure->message());
  }
  if (!over) {
    ET_LOG(Error, "TensorRTBackend: no wait for the work of %s succeeded: its memory is left to it",
           program_->variant.c_str());
    program_->process.abandoned().keep(std::move(program_));
    return;
  }
  program_->slots.clear();
  program_->memory.trim();
}

Status Handle::execute(executorch::runtime::Span<executorch::runtime::EValue*> arguments) {
  Program& program = *program_;
  const NvtxRange range(program.nvtx_name.c_str());
  const auto start = std::chrono::steady_clock::now();
  Status status;
  {
    Execution execution(program.process, program.device, program.plan, program.slots, program.memory.pinned(),
                        *program.failures, program.counters);
    status = execution.run(arguments);
  }
  program.counters.ended(status.ok(), std::chrono::steady_clock::now() - start);
  return status;
}

ProgramReport Handle::report() const {
  const Program& program = *program_;
  ProgramReport report;
  report.device = program.device.label;
  report.engine = program.variant;
  report.calls = program.counters.calls;
  report.failed_calls = program.counters.failed_calls;
  report.waiting_calls = program.counters.waiting_calls;
  report.shape_changes = program.counters.shape_changes;
  report.bindings_set = program.counters.bindings_set;
  report.host_ns = program.counters.host_ns;
  report.slowest_ns = program.counters.slowest_ns;
  report.failed_runs = program.failures->count();
  report.failures = program.failures->texts();
  const engine::EngineMemory memory = program.engine->memory();
  report.context_bytes = memory.context_maximum;
  report.engine_bytes = memory.weights;
  report.streamed_bytes = memory.streamed_weights;
  program.graphs.add_to(report);
  program.slots.add_to(report);
  return report;
}

ProgramLayers Handle::layer_times() {
  return {program_->device.label, program_->variant, program_->slots.layer_times()};
}

const cuda::Device& Handle::device() const {
  return program_->device;
}
memory::DevicePools& Handle::memory() const {
  return program_->memory;
}
const IoPlan& Handle::plan() const {
  return program_->plan;
}
const std::string& Handle::variant() const {
  return program_->variant;
}
std::size_t Handle::slot_count() const {
  return program_->slots.size();
}
const std::shared_ptr<engine::Engine>& Handle::engine() const {
  return program_->engine;
}

}  // namespace etrt::delegate
