#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/owners.h>
#include <cuda/relaxed_capture.h>
#include <engine/tensorrt/aux_streams.h>
#include <memory/stream_ordered_memory.h>
#include <process/process.h>
#include <support/kernel_engine.h>
#include <support/kernel_library.h>

namespace etrt::support {
namespace {

using nlohmann::json;

std::atomic<int> engines_loaded{0};
std::atomic<int> engines_alive{0};
std::atomic<int> contexts_alive{0};
std::atomic<std::uint64_t> binds{0};
std::atomic<std::uint64_t> resolves{0};

engine::Dims dims_of(const json& sizes) {
  return engine::Dims(std::span<const std::int32_t>(sizes.get<std::vector<std::int32_t>>()));
}

/// One output's recipe.
struct Recipe {
  std::size_t tensor;
  std::size_t of;
  std::uint32_t add;
  bool records_sms;
};

/// How long a block that records its SM stays there, so that the others go elsewhere.
constexpr std::chrono::microseconds kStay{20};

class KernelEngine final : public engine::Engine {
 public:
  KernelEngine(const cuda::Device& device, KernelLibrary kernels, cuda::DeviceMemory weights, const json& plan)
      : device_(device),
        source_(device),
        heap_(device, source_),
        kernels_(std::move(kernels)),
        weights_(std::move(weights)),
        fails_to_make_contexts_(plan["fails_to_make_contexts"]),
        caller_gives_memory_(plan["caller_gives_memory"]),
        tells_inputs_consumed_(plan["tells_inputs_consumed"]),
        gains_by_graphs_(plan["gains_by_graphs"]),
        auxiliary_streams_(plan["auxiliary_streams"]) {
    for (const json& input : plan["inputs"]) {
      engine::TensorInfo info;
      info.name = input["name"];
      info.type = engine::DataType::kInt32;
      info.minimum = dims_of(input["minimum"]);
      info.maximum = dims_of(input["maximum"]);
      if (input["on_host"]) info.location = engine::Location::kHost;
      info.address_alignment = plan["address_alignment"];
      tensors_.push_back(info);
    }
    for (const json& output : plan["outputs"]) add_output(output);
    ++engines_loaded;
    ++engines_alive;
  }
  ~KernelEngine() override {
    const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(device_.driver);
    const auto scope = cuda::CurrentContext::push(device_.driver, device_.primary);
    kernels_.reset();
    weights_.reset();
    --engines_alive;
  }

  std::span<const engine::TensorInfo> tensors() const override { return tensors_; }
  bool gains_by_graphs() const override { return gains_by_graphs_; }
  engine::EngineMemory memory() const override {
    if (!caller_gives_memory_) return {};
    return {.context_maximum = engine::element_count(tensors_[recipes_.front().tensor].maximum).value() * 4};
  }
  Result<std::unique_ptr<engine::ExecutionContext>> create_context(std::optional<int> profile) override;

 private:
  friend class KernelContext;

  void add_output(const json& output) {
    const std::size_t of = output["of"];
    engine::TensorInfo info = tensors_[of];
    info.name = output["name"];
    info.is_input = false;
    info.data_dependent = output["data_dependent"];
    if (output["aliased"]) info.aliased_input = of;
    if (output["on_host"]) {
      info.location = engine::Location::kHost;
      info.minimum = info.maximum = engine::Dims{static_cast<std::int32_t>(info.maximum.rank())};
    }
    recipes_.push_back({tensors_.size(), of, output["add"], output["records_sms"]});
    tensors_.push_back(info);
  }

  const cuda::Device& device_;
  memory::Source source_;
  memory::DeviceHeap heap_;
  std::optional<KernelLibrary> kernels_;
  cuda::DeviceMemory weights_;
  bool fails_to_make_contexts_;
  bool caller_gives_memory_;
  bool tells_inputs_consumed_;
  bool gains_by_graphs_;
  int auxiliary_streams_;
  std::vector<engine::TensorInfo> tensors_;
  std::vector<Recipe> recipes_;
};

class KernelContext final : public engine::ExecutionContext {
 public:
  KernelContext(KernelEngine& engine, memory::StreamOrderedMemory own_memory)
      : engine_(engine),
        own_memory_(std::move(own_memory)),
        memory_(own_memory_.get()),
        auxiliary_(engine.device_, engine.auxiliary_streams_),
        dims_(engine.tensors_.size()),
        bound_(engine.tensors_.size()) {
    ++contexts_alive;
  }
  ~KernelContext() override { --contexts_alive; }

  Status set_input_shape(std::size_t tensor, const engine::Dims& dims) override {
    dims_[tensor] = dims;
    return {};
  }

  Status resolve_shapes() override {
    ++resolves;
    host_sum_ = 0;
    first_host_value_.reset();
    for (std::size_t i = 0; i < engine_.tensors_.size(); ++i) {
      const engine::TensorInfo& info = engine_.tensors_[i];
      if (!info.is_input || info.location != engine::Location::kHost) continue;
      const auto* values = reinterpret_cast<const std::int32_t*>(bound_[i]);
      for (std::size_t k = 0; k < elements(i); ++k) host_sum_ += static_cast<std::uint32_t>(values[k]);
      if (!first_host_value_ && elements(i) > 0) first_host_value_ = values[0];
    }
    for (const Recipe& recipe : engine_.recipes_) dims_[recipe.tensor] = output_dims(recipe);
    return {};
  }

  engine::Dims shape(std::size_t tensor) const override { return dims_[tensor]; }

  Status bind(std::size_t tensor, std::uint64_t address, std::size_t) override {
    ++binds;
    if (address % engine_.tensors_[tensor].address_alignment != 0) {
      return Error(ErrorCode::kInternal, "the engine was given an address that it cannot take");
    }
    bound_[tensor] = address;
    return {};
  }

  void set_output_allocator(engine::OutputAllocator* allocator) override { allocator_ = allocator; }

  std::size_t device_memory_bytes() const override {
    return engine_.caller_gives_memory_ ? elements(engine_.recipes_.front().tensor) * sizeof(std::uint32_t) : 0;
  }

  Status set_device_memory(std::uint64_t address, std::size_t) override {
    memory_ = address;
    return {};
  }

  Status set_layer_timing(bool on) override {
    times_layers_ = on;
    return {};
  }

  Result<std::vector<LayerTime>> layer_times() override {
    if (!times_layers_) return ExecutionContext::layer_times();
    std::vector<LayerTime> times;
    for (const Recipe& recipe : engine_.recipes_) times.push_back({engine_.tensors_[recipe.tensor].name, 0.25f});
    return times;
  }

  bool set_input_consumed_event(CUevent event) override {
    if (engine_.tells_inputs_consumed_) inputs_consumed_ = event;
    return engine_.tells_inputs_consumed_;
  }

  Status prepare_capture(cuda::StreamRef stream) override {
    if (auxiliary_.count() == 0) return {};
    ETRT_TRY_ASSIGN([[maybe_unused]] const auto streams, auxiliary_.streams_for(stream));
    return {};
  }

  Status enqueue(cuda::StreamRef stream) override {
    const cuda::Driver& driver = engine_.device_.driver;
    // The context's memory, as an engine's activations: two enqueues that nothing orders show in the order checker.
    const auto touched = static_cast<std::uint32_t>(std::max<std::size_t>(device_memory_bytes() / 4, 1));
    ETRT_TRY(cuda::check(driver, engine_.kernels_->fill_u32(stream.get(), memory_, 1, touched), "cuLaunchKernel"));
    if (auxiliary_.count() > 0) return enqueue_on_auxiliary_streams(stream);
    for (const Recipe& recipe : engine_.recipes_) ETRT_TRY(compute(recipe, stream));
    return {};
  }

 private:
  Status wait_for(cuda::StreamRef first, CUstream then) {
    const cuda::Driver& driver = engine_.device_.driver;
    ETRT_TRY_ASSIGN(const auto event, cuda::create_event(driver));
    ETRT_TRY(cuda::check(driver, driver.cuEventRecord(event.get(), first.get()), "cuEventRecord"));
    return cuda::check(driver, driver.cuStreamWaitEvent(then, event.get(), 0), "cuStreamWaitEvent");
  }

  Status enqueue_on_auxiliary_streams(cuda::StreamRef stream) {
    ETRT_TRY_ASSIGN(const auto streams, auxiliary_.streams_for(stream));
    for (std::size_t i = 0; i < engine_.recipes_.size(); ++i) {
      const cuda::StreamRef branch(streams[i % streams.size()]);
      ETRT_TRY(wait_for(stream, branch.get()));
      ETRT_TRY(compute(engine_.recipes_[i], branch));
      ETRT_TRY(wait_for(branch, stream.get()));
    }
    return {};
  }

  std::size_t elements(std::size_t tensor) const { return engine::element_count(dims_[tensor]).value_or(0); }

  engine::Dims output_dims(const Recipe& recipe) const {
    const engine::TensorInfo& info = engine_.tensors_[recipe.tensor];
    if (info.location == engine::Location::kHost) return info.maximum;
    engine::Dims dims = dims_[recipe.of];
    if (info.data_dependent) dims[0] = first_host_value_.value_or(dims[0]);
    return dims;
  }

  Status compute(const Recipe& recipe, cuda::StreamRef stream) {
    const engine::TensorInfo& info = engine_.tensors_[recipe.tensor];
    if (info.location == engine::Location::kHost) {
      const auto sizes = dims_[recipe.of].sizes();
      std::copy(sizes.begin(), sizes.end(), reinterpret_cast<std::int32_t*>(bound_[recipe.tensor]));
      return {};
    }
    auto count = static_cast<std::uint32_t>(elements(recipe.tensor));
    std::uint64_t target = bound_[recipe.tensor];
    if (info.data_dependent) {
      target = allocator_->allocate(recipe.tensor, count * sizeof(std::uint32_t), stream);
      if (target == 0 && count > 0) return Error(ErrorCode::kOutOfMemory, "the allocator has no memory");
      allocator_->set_shape(recipe.tensor, dims_[recipe.tensor]);
      // The input has no more; a program refuses the shape.
      count = std::min(count, static_cast<std::uint32_t>(elements(recipe.of)));
    }
    if (count == 0) return {};
    const cuda::Driver& driver = engine_.device_.driver;
    const KernelLibrary& kernels = *engine_.kernels_;
    if (recipe.records_sms) {
      return cuda::check(driver, kernels.record_sm(stream.get(), target, count, kStay), "cuLaunchKernel");
    }
    std::uint64_t source = bound_[recipe.of];
    if (engine_.caller_gives_memory_) {
      ETRT_TRY(cuda::check(driver, kernels.copy_u32(stream.get(), memory_, source, count), "cuLaunchKernel"));
      source = memory_;
      if (inputs_consumed_ != nullptr) {
        ETRT_TRY(cuda::check(driver, driver.cuEventRecord(inputs_consumed_, stream.get()), "cuEventRecord"));
      }
    }
    if (source != target) {
      ETRT_TRY(cuda::check(driver, kernels.copy_u32(stream.get(), target, source, count), "cuLaunchKernel"));
    }
    return cuda::check(driver, kernels.add_u32(stream.get(), target, recipe.add + host_sum_, count), "cuLaunchKernel");
  }

  KernelEngine& engine_;
  memory::StreamOrderedMemory own_memory_;
  std::uint64_t memory_;
  engine::OutputAllocator* allocator_ = nullptr;
  CUevent inputs_consumed_ = nullptr;
  engine::tensorrt::AuxStreams auxiliary_;
  std::uint32_t host_sum_ = 0;
  std::optional<std::int32_t> first_host_value_;
  std::vector<engine::Dims> dims_;
  std::vector<std::uint64_t> bound_;
  bool times_layers_ = false;
};

Result<std::unique_ptr<engine::ExecutionContext>> KernelEngine::create_context(std::optional<int> profile) {
  if (fails_to_make_contexts_) return Error(ErrorCode::kOutOfMemory, "the plan asks for contexts to fail");
  if (profile.value_or(0) != 0) return Error(ErrorCode::kInvalidArgument, "optimization_profile: there is only 0");
  memory::StreamOrderedMemory own_memory;
  if (!caller_gives_memory_) {
    const auto stream = cuda::per_thread_stream();
    ETRT_TRY_ASSIGN(own_memory, memory::StreamOrderedMemory::create(heap_, sizeof(std::uint32_t), stream));
    ETRT_TRY(cuda::check(device_.driver, device_.driver.cuStreamSynchronize(stream.get()), "cuStreamSynchronize"));
  }
  return std::unique_ptr<engine::ExecutionContext>(new KernelContext(*this, std::move(own_memory)));
}

class KernelLoader final : public engine::Loader {
 public:
  std::string_view kind() const override { return kKernelEngineKind; }

  Status supports(const cuda::Device&, const engine::Target& target, std::span<const std::byte>,
                  const engine::EngineOptions&) const override {
    if (target.name != "nowhere") return {};
    return Error(ErrorCode::kIncompatible, "it is for nowhere");
  }

  Result<std::unique_ptr<engine::Engine>> load(const cuda::Device& device, std::span<const std::byte> bytes,
                                               const engine::EngineOptions&) const override {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const json plan = json::parse(text, text + bytes.size());
    if (plan["fails_to_load"]) return Error(ErrorCode::kInvalidData, "the plan asks for the engine to fail");
    ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::push(device.driver, device.primary));
    const void* image = device.is_virtual ? vgpu_kernels() : kKernelsPtx;
    ETRT_TRY_ASSIGN(auto kernels, KernelLibrary::load(device.driver, image));
    ETRT_TRY_ASSIGN(auto weights, cuda::create_device_memory(device.driver, sizeof(std::uint32_t)));
    return std::unique_ptr<engine::Engine>(new KernelEngine(device, std::move(kernels), std::move(weights), plan));
  }
};

}  // namespace

std::vector<std::byte> KernelPlan::serialize() const {
  json plan{{"fails_to_load", fails_to_load},
            {"fails_to_make_contexts", fails_to_make_contexts},
            {"caller_gives_memory", caller_gives_memory},
            {"tells_inputs_consumed", tells_inputs_consumed},
            {"gains_by_graphs", gains_by_graphs},
            {"address_alignment", address_alignment},
            {"auxiliary_streams", auxiliary_streams}};
  for (const Input& input : inputs) {
    plan["inputs"].push_back(
        {{"name", input.name}, {"minimum", input.minimum}, {"maximum", input.maximum}, {"on_host", input.on_host}});
  }
  for (const Output& output : outputs) {
    plan["outputs"].push_back({{"name", output.name},
                               {"of", output.of},
                               {"add", output.add},
                               {"on_host", output.on_host},
                               {"data_dependent", output.data_dependent},
                               {"aliased", output.aliased},
                               {"records_sms", output.records_sms}});
  }
  const std::string text = plan.dump();
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

KernelPlan KernelPlan::fixed(std::size_t count, std::vector<std::int32_t> shape) {
  KernelPlan plan;
  for (std::size_t i = 0; i < count; ++i) {
    plan.inputs.push_back({base::concat("in", i), shape, shape});
    plan.outputs.push_back({base::concat("out", i), i, static_cast<std::uint32_t>(i + 1)});
  }
  return plan;
}

KernelPlan KernelPlan::dynamic(std::int32_t minimum, std::int32_t maximum) {
  KernelPlan plan;
  plan.inputs.push_back({"in0", {minimum, 4}, {maximum, 4}});
  plan.outputs.push_back({"out0", 0, 1});
  return plan;
}

void add_kernel_engine_loader() {
  static const KernelLoader loader;
  static const bool added = (process::Process::instance().loaders().add(loader), true);
  static_cast<void>(added);
}

KernelEngineCounts kernel_engine_counts() {
  return {engines_loaded, engines_alive, contexts_alive, binds, resolves};
}

}  // namespace etrt::support
