#include <algorithm>
#include <cstddef>
#include <cstring>

#include <base/format.h>
#include <base/try.h>
#include <engine/program/program_context.h>
#include <engine/program/program_engine.h>
#include <engine/program/requirements.h>
#include <program_facts/program_facts.h>

namespace etrt::engine::program {
namespace {

namespace et = executorch::runtime;

/// ExecuTorch reads constants in place, at the alignment its files promise.
constexpr std::size_t kAlignment = 64;

/// What ExecuTorch needs at least: files give nested programs no more than the blob's payloads have.
bool is_aligned(const void* data) {
  return reinterpret_cast<std::uintptr_t>(data) % alignof(std::max_align_t) == 0;
}

/// Past this many shape combinations the memory of them starts afresh.
constexpr std::size_t kRememberedShapes = 1024;

std::vector<std::int32_t> shape_key(std::span<const Dims> dims) {
  std::vector<std::int32_t> key;
  for (const Dims& shape : dims) {
    key.push_back(static_cast<std::int32_t>(shape.rank()));
    key.insert(key.end(), shape.sizes().begin(), shape.sizes().end());
  }
  return key;
}

}  // namespace

Result<std::unique_ptr<ProgramEngine>> ProgramEngine::load(const cuda::Device& device,
                                                           std::span<const std::byte> bytes) {
  std::unique_ptr<ProgramEngine> engine(new ProgramEngine(device));
  ETRT_TRY(engine->open(bytes));
  return engine;
}

/// The same bytes, for as long as the engine lives.
std::span<const std::byte> ProgramEngine::keep(std::span<const std::byte> bytes) {
  if (const auto range = FileRange::of(bytes)) mapping_ = FileMapping::create(*range);
  if (mapping_ != nullptr && is_aligned(mapping_->bytes().data())) return mapping_->bytes();
  mapping_.reset();
  storage_bytes_ = bytes.size() + kAlignment;
  storage_ = std::make_unique<std::byte[]>(storage_bytes_);
  void* start = storage_.get();
  std::size_t space = storage_bytes_;
  std::align(kAlignment, bytes.size(), start, space);
  std::memcpy(start, bytes.data(), bytes.size());
  return {static_cast<const std::byte*>(start), bytes.size()};
}

Status ProgramEngine::open(std::span<const std::byte> given) {
  const std::span<const std::byte> bytes = keep(given);
  loader_ = std::make_unique<executorch::extension::BufferDataLoader>(bytes.data(), bytes.size());
  auto loaded = et::Program::load(loader_.get(), et::Program::Verification::InternalConsistency);
  if (!loaded.ok()) {
    return Error(ErrorCode::kInvalidData,
                 base::concat("nested program of ", bytes.size(), " bytes: ExecuTorch refuses it with error ",
                              et::to_string(loaded.error())));
  }
  program_ = std::make_unique<et::Program>(std::move(*loaded));

  auto facts = program_facts::read(bytes);
  if (!facts.ok()) return std::move(facts).error().within("nested program");
  // See blob/format.h for which method runs.
  const program_facts::MethodFacts* method = facts->entry();
  if (method == nullptr) {
    return Error(ErrorCode::kInvalidData,
                 base::concat("nested program: none of its ", facts->methods.size(), " methods is named 'forward'"));
  }
  ETRT_TRY(check_requirements(*method));
  method_ = method->name;
  keeps_state_ = method->keeps_state;

  ETRT_TRY_ASSIGN(probe_, create_instance());
  ETRT_TRY_ASSIGN(tensors_, probe_->describe());
  input_count_ = static_cast<std::size_t>(
      std::count_if(tensors_.begin(), tensors_.end(), [](const TensorInfo& info) { return info.is_input; }));
  decide_data_dependence(!method->data_dependent.empty());
  return {};
}

/// Without an operator that makes shapes depend on data they can be learned, unless the program takes no zeros (x //
/// k). Then it has to run on its own data, as if they did. It is asked at the largest shapes: those fit each other.
void ProgramEngine::decide_data_dependence(bool by_operators) {
  const auto outputs = std::span(tensors_).subspan(input_count_);
  has_dynamic_outputs_ =
      std::any_of(outputs.begin(), outputs.end(), [](const auto& info) { return info.is_dynamic(); });
  if (!has_dynamic_outputs_) return;
  std::vector<Dims> largest;
  for (const TensorInfo& info : std::span(tensors_).first(input_count_)) largest.push_back(info.maximum);
  data_dependent_ = by_operators || !output_shapes(largest).ok();
  for (TensorInfo& info : outputs) info.data_dependent = data_dependent_ && info.is_dynamic();
}

Result<std::unique_ptr<MethodInstance>> ProgramEngine::create_instance() const {
  return MethodInstance::create(*program_, method_);
}

Result<std::unique_ptr<ExecutionContext>> ProgramEngine::create_context(std::optional<int> profile) {
  if (profile.value_or(0) != 0) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("optimization_profile ", *profile, ": a program variant has only profile 0"));
  }
  ETRT_TRY_ASSIGN(auto instance, create_instance());
  ETRT_TRY_ASSIGN(auto context, ProgramContext::create(*this, std::move(instance)));
  return std::unique_ptr<ExecutionContext>(std::move(context));
}

Result<std::vector<Dims>> ProgramEngine::output_shapes(std::span<const Dims> inputs) {
  if (has_dynamic_outputs_ && !data_dependent_) return learn_shapes(inputs);
  std::vector<Dims> shapes;
  for (const TensorInfo& info : std::span(tensors_).subspan(input_count_)) shapes.push_back(info.maximum);
  return shapes;
}

Result<std::vector<Dims>> ProgramEngine::learn_shapes(std::span<const Dims> inputs) {
  const auto key = shape_key(inputs);
  std::unique_ptr<MethodInstance> instance;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = shapes_.find(key); found != shapes_.end()) return found->second;
    instance = std::move(probe_);
  }
  if (instance == nullptr) {
    ETRT_TRY_ASSIGN(instance, create_instance());
  }
  auto outputs = instance->probe_shapes(tensors_, inputs);
  const std::lock_guard lock(mutex_);
  // The next one begins with the state as loaded, too.
  if (!keeps_state_) probe_ = std::move(instance);
  if (!outputs.ok()) return std::move(outputs).error().within("learning shapes on zeros");
  if (shapes_.size() >= kRememberedShapes) shapes_.clear();
  shapes_.insert_or_assign(key, *outputs);
  return outputs;
}

}  // namespace etrt::engine::program
