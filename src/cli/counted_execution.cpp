#include <utility>

#include <base/try.h>
#include <blob/blob.h>
#include <blob/format.h>
#include <cli/counted_execution.h>
#include <cuda/current_context.h>
#include <delegate/execution.h>
#include <delegate/options.h>
#include <delegate/variant_selection.h>

namespace etrt::cli {
namespace {

/// Passes everything on, and counts.
class CountingContext final : public engine::ExecutionContext {
 public:
  CountingContext(std::unique_ptr<engine::ExecutionContext> inner, ContextCalls& calls)
      : inner_(std::move(inner)), calls_(calls) {}

  Status set_input_shape(std::size_t tensor, const engine::Dims& dims) override {
    ++calls_.shapes;
    return inner_->set_input_shape(tensor, dims);
  }
  Status resolve_shapes() override {
    ++calls_.shapes;
    return inner_->resolve_shapes();
  }
  engine::Dims shape(std::size_t tensor) const override { return inner_->shape(tensor); }
  Status bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) override {
    ++calls_.binds;
    return inner_->bind(tensor, address, bytes);
  }
  Status enqueue(cuda::StreamRef stream) override {
    ++calls_.enqueues;
    return inner_->enqueue(stream);
  }
  void set_output_allocator(engine::OutputAllocator* allocator) override { inner_->set_output_allocator(allocator); }
  std::size_t device_memory_bytes() const override { return inner_->device_memory_bytes(); }
  Status set_device_memory(std::uint64_t address, std::size_t bytes) override {
    return inner_->set_device_memory(address, bytes);
  }
  std::optional<Error> take_failure() override { return inner_->take_failure(); }

 private:
  std::unique_ptr<engine::ExecutionContext> inner_;
  ContextCalls& calls_;
};

class CountingEngine final : public engine::Engine {
 public:
  CountingEngine(std::unique_ptr<engine::Engine> inner, ContextCalls& calls)
      : inner_(std::move(inner)), calls_(calls) {}

  std::span<const engine::TensorInfo> tensors() const override { return inner_->tensors(); }
  int profile_count() const override { return inner_->profile_count(); }
  Result<std::unique_ptr<engine::ExecutionContext>> create_context(std::optional<int> profile) override {
    ETRT_TRY_ASSIGN(auto context, inner_->create_context(profile));
    return std::unique_ptr<engine::ExecutionContext>(std::make_unique<CountingContext>(std::move(context), calls_));
  }

 private:
  std::unique_ptr<engine::Engine> inner_;
  ContextCalls& calls_;
};

}  // namespace

Result<std::unique_ptr<CountedExecution>> CountedExecution::create(const BenchCase& bench) {
  const cuda::Device& device = bench.device.native();
  ETRT_TRY_ASSIGN(const blob::BlobView blob, blob::BlobView::parse(blob_of(*bench.delegate)));
  ETRT_TRY_ASSIGN(const delegate::Candidate chosen, delegate::select(blob, device));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device.driver, device.ordinal, device.primary));
  ETRT_TRY_ASSIGN(auto engine, chosen.loader->load(device, chosen.payload, {}));

  std::unique_ptr<CountedExecution> counted(new CountedExecution(device));
  counted->engine_ = std::make_unique<CountingEngine>(std::move(engine), counted->calls_);
  ETRT_TRY_ASSIGN(counted->plan_, delegate::IoPlan::create(blob.metadata(), *counted->engine_,
                                                           chosen.loader->kind() != blob::kVariantProgram));
  counted->lanes_ =
      std::make_unique<delegate::LanePool>(device, delegate::Options().max_inflight, [&device, self = counted.get()] {
        return delegate::Lane::create(device, *self->engine_, self->plan_, std::nullopt);
      });
  ETRT_TRY(counted->lanes_->warm_up());
  return counted;
}

CountedExecution::~CountedExecution() {
  const auto scope = cuda::CurrentContext::ensure(device_.driver, device_.ordinal, device_.primary);
  if (lanes_) {
    lanes_->drain();
    lanes_->clear();
  }
  pinned_.clear();
}

Status CountedExecution::execute(executorch::runtime::Span<executorch::runtime::EValue*> arguments) {
  delegate::Execution execution(device_, plan_, *lanes_, pinned_, counters_);
  return execution.run(arguments);
}

}  // namespace etrt::cli
