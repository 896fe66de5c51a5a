#include <chrono>
#include <process/process.h>

#include <executorch/runtime/platform/log.h>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/relaxed_capture.h>
#include <delegate/caller_stream.h>
#include <delegate/execution.h>
#include <delegate/handle.h>
#include <delegate/nvtx_range.h>
#include <delegate/variant_selection.h>
#include <delegate/warm_up.h>
#include <etrt/options.h>

namespace etrt::delegate {
namespace {

struct Choice {
  const cuda::Device* device;
  Candidate candidate;
};

/// "auto" means where the program runs: a GPU if there is one and the blob has something for it, else the virtual GPU.
Result<Choice> choose(const blob::BlobView& blob, const Options& options) {
  const std::string& device_name = options.device;
  auto opened = process::Process::instance().devices().open(device_name);
  if (!opened.ok()) return std::move(opened).error().within(base::concat("option '", kOptionDevice, "'"));
  const cuda::Device* const device = *opened;
  auto selected = select(blob, *device, options.engine);
  if (selected.ok()) return Choice{device, std::move(selected).value()};
  if (device_name != "auto" || device->is_virtual) return std::move(selected).error();
  ETRT_TRY_ASSIGN(const cuda::Device* fallback, process::Process::instance().devices().open("virtual:0"));
  auto hosted = select(blob, *fallback, options.engine);
  // The error to show is the GPU's: that is what the user expected to run.
  if (!hosted.ok()) return std::move(selected).error();
  return Choice{fallback, std::move(hosted).value()};
}

}  // namespace

Result<std::unique_ptr<Handle>> Handle::create(std::span<const std::byte> bytes, const Options& options) {
  const NvtxRange range("TensorRTBackend::init");
  refresh_executorch_caller_stream();
  ETRT_TRY_ASSIGN(const blob::BlobView blob, blob::BlobView::parse(bytes));
  ETRT_TRY_ASSIGN(const Choice choice, choose(blob, options));
  const cuda::Device& device = *choice.device;
  // A thread that captures in global mode forbids others to allocate, load modules and more.
  const cuda::RelaxedCapture relaxed(device.driver);
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device.driver, device.ordinal, device.primary));

  const engine::Loader& loader = *choice.candidate.loader;
  process::Process& process = process::Process::instance();
  ETRT_TRY_ASSIGN(auto engine, process.engines().load(loader, device, choice.candidate.payload, options.engine));
  ETRT_TRY_ASSIGN(IoPlan plan, IoPlan::create(blob.metadata(), *engine, loader.kind() != "program"));

  std::unique_ptr<Handle> handle(
      new Handle(process, device, std::move(engine), std::move(plan), choice.candidate.describe(), options));
  ETRT_TRY(handle->lanes_.warm_up());
  if (Status warmed = warm_up(*handle, options.warm_up); !warmed.ok()) {
    return std::move(warmed).error().within(base::concat("option '", kOptionWarmUp, "'"));
  }
  handle->counters_.reset();
  process.handles().add(*handle);
  ET_LOG(Info, "TensorRTBackend: %s runs on %s (%s)", handle->variant_.c_str(), device.label.c_str(),
         device.description.c_str());
  return handle;
}

Handle::Handle(process::Process& process, const cuda::Device& device, std::shared_ptr<engine::Engine> engine,
               IoPlan plan, std::string variant, const Options& options)
    : process_(process),
      device_(device),
      engine_(std::move(engine)),
      plan_(std::move(plan)),
      variant_(std::move(variant)),
      nvtx_name_("TensorRTBackend::execute, " + variant_),
      pinned_(device),
      lanes_(device, options.max_inflight, [this, profile = options.optimization_profile] {
        return Lane::create(device_, *engine_, plan_, profile);
      }) {}

Handle::~Handle() {
  process_.handles().remove(*this);
  // The primary context, whichever is current: memory goes back on its per-thread stream.
  const auto scope = cuda::CurrentContext::push(device_.driver, device_.primary);
  lanes_.drain();
  lanes_.clear();
  pinned_.clear();
}

Status Handle::execute(executorch::runtime::Span<executorch::runtime::EValue*> arguments) {
  const NvtxRange range(nvtx_name_.c_str());
  const auto start = std::chrono::steady_clock::now();
  Execution execution(process_, device_, plan_, lanes_, pinned_, counters_);
  Status status = execution.run(arguments);
  counters_.ended(status.ok(), std::chrono::steady_clock::now() - start);
  return status;
}

ProgramReport Handle::report() {
  ProgramReport report;
  report.device = device_.label;
  report.engine = variant_;
  report.calls = counters_.calls;
  report.failed_calls = counters_.failed_calls;
  report.waiting_calls = counters_.waiting_calls;
  report.shape_changes = counters_.shape_changes;
  report.bindings_set = counters_.bindings_set;
  report.host_ns = counters_.host_ns;
  report.slowest_ns = counters_.slowest_ns;
  const engine::EngineMemory memory = engine_->memory();
  report.context_bytes = memory.context_maximum;
  report.engine_bytes = memory.weights;
  report.streamed_bytes = memory.streamed_weights;
  report.pinned_staging_bytes = pinned_.total_bytes();
  lanes_.add_to(report);
  // Only while layers are timed: the stream of an earlier call may be gone.
  if (process_.times_layers()) report.layers = lanes_.layer_times();
  return report;
}

}  // namespace etrt::delegate
