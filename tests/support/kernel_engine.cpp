#include <atomic>
#include <optional>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/error.h>
#include <cuda/stream_ordered_memory.h>
#include <support/kernel_engine.h>
#include <support/kernel_library.h>

namespace etrt::support {
namespace {

using nlohmann::json;

std::atomic<int> engines_loaded{0};
std::atomic<int> engines_alive{0};
std::atomic<int> contexts_alive{0};
std::atomic<std::uint64_t> binds{0};

class KernelContext;

class KernelEngine final : public engine::Engine {
 public:
  KernelEngine(const cuda::Device& device, KernelLibrary kernels, const json& plan)
      : device_(device), kernels_(std::move(kernels)), fails_to_make_contexts_(plan["fails_to_make_contexts"]) {
    for (const json& input : plan["inputs"]) {
      engine::TensorInfo info;
      info.name = input["name"];
      info.type = engine::DataType::kInt32;
      info.minimum = engine::Dims(std::span<const std::int32_t>(input["minimum"].get<std::vector<std::int32_t>>()));
      info.maximum = engine::Dims(std::span<const std::int32_t>(input["maximum"].get<std::vector<std::int32_t>>()));
      tensors_.push_back(info);
    }
    input_count_ = tensors_.size();
    for (const json& output : plan["outputs"]) {
      engine::TensorInfo info = tensors_[output["of"].get<std::size_t>()];
      info.name = output["name"];
      info.is_input = false;
      tensors_.push_back(info);
      sources_.push_back(output["of"]);
      addends_.push_back(output["add"]);
    }
    ++engines_loaded;
    ++engines_alive;
  }
  ~KernelEngine() override { --engines_alive; }

  std::span<const engine::TensorInfo> tensors() const override { return tensors_; }
  Result<std::unique_ptr<engine::ExecutionContext>> create_context(std::optional<int> profile) override;

 private:
  friend class KernelContext;

  const cuda::Device& device_;
  KernelLibrary kernels_;
  bool fails_to_make_contexts_;
  std::vector<engine::TensorInfo> tensors_;
  std::size_t input_count_;
  std::vector<std::size_t> sources_;
  std::vector<std::uint32_t> addends_;
};

class KernelContext final : public engine::ExecutionContext {
 public:
  KernelContext(KernelEngine& engine, cuda::StreamOrderedMemory scratch)
      : engine_(engine), scratch_(std::move(scratch)), dims_(engine.tensors_.size()), bound_(engine.tensors_.size()) {
    ++contexts_alive;
  }
  ~KernelContext() override { --contexts_alive; }

  Status set_input_shape(std::size_t tensor, const engine::Dims& dims) override {
    dims_[tensor] = dims;
    return {};
  }

  Status resolve_shapes() override {
    for (std::size_t i = 0; i < engine_.sources_.size(); ++i) {
      dims_[engine_.input_count_ + i] = dims_[engine_.sources_[i]];
    }
    return {};
  }

  engine::Dims shape(std::size_t tensor) const override { return dims_[tensor]; }

  Status bind(std::size_t tensor, std::uint64_t address, std::size_t) override {
    ++binds;
    bound_[tensor] = address;
    return {};
  }

  Status enqueue(cuda::StreamRef stream) override {
    const cuda::Driver& driver = engine_.device_.driver;
    // The context's own memory, as an engine's activations: two enqueues that nothing orders show in the order checker.
    ETRT_TRY(cuda::check(driver, engine_.kernels_.fill_u32(stream.get(), scratch_.get(), 1, 1), "cuLaunchKernel"));
    for (std::size_t i = 0; i < engine_.sources_.size(); ++i) {
      const std::size_t output = engine_.input_count_ + i;
      const auto count = static_cast<std::uint32_t>(engine::element_count(dims_[output]).value_or(0));
      if (count == 0) continue;
      const std::uint64_t source = bound_[engine_.sources_[i]];
      const std::uint64_t target = bound_[output];
      if (source != target) {
        ETRT_TRY(cuda::check(driver, engine_.kernels_.copy_u32(stream.get(), target, source, count), "cuLaunchKernel"));
      }
      ETRT_TRY(cuda::check(driver, engine_.kernels_.add_u32(stream.get(), target, engine_.addends_[i], count),
                           "cuLaunchKernel"));
    }
    return {};
  }

 private:
  KernelEngine& engine_;
  cuda::StreamOrderedMemory scratch_;
  std::vector<engine::Dims> dims_;
  std::vector<std::uint64_t> bound_;
};

Result<std::unique_ptr<engine::ExecutionContext>> KernelEngine::create_context(std::optional<int> profile) {
  if (fails_to_make_contexts_) return Error(ErrorCode::kOutOfMemory, "the plan asks for contexts to fail");
  if (profile.value_or(0) != 0) return Error(ErrorCode::kInvalidArgument, "optimization_profile: there is only 0");
  const auto stream = cuda::per_thread_stream();
  ETRT_TRY_ASSIGN(auto scratch, cuda::StreamOrderedMemory::create(device_.driver, sizeof(std::uint32_t), stream));
  ETRT_TRY(cuda::check(device_.driver, device_.driver.cuStreamSynchronize(stream.get()), "cuStreamSynchronize"));
  return std::unique_ptr<engine::ExecutionContext>(new KernelContext(*this, std::move(scratch)));
}

class KernelLoader final : public engine::Loader {
 public:
  std::string_view kind() const override { return kKernelEngineKind; }

  Status supports(const cuda::Device&, std::string_view target) const override {
    if (target != "nowhere") return {};
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
    return std::unique_ptr<engine::Engine>(new KernelEngine(device, std::move(kernels), plan));
  }
};

}  // namespace

std::vector<std::byte> KernelPlan::serialize() const {
  json plan{{"fails_to_load", fails_to_load}, {"fails_to_make_contexts", fails_to_make_contexts}};
  for (const Input& input : inputs) {
    plan["inputs"].push_back({{"name", input.name}, {"minimum", input.minimum}, {"maximum", input.maximum}});
  }
  for (const Output& output : outputs) {
    plan["outputs"].push_back({{"name", output.name}, {"of", output.of}, {"add", output.add}});
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
  static const bool added = (engine::add_loader(loader), true);
  static_cast<void>(added);
}

KernelEngineCounts kernel_engine_counts() {
  return {engines_loaded, engines_alive, contexts_alive, binds};
}

}  // namespace etrt::support
