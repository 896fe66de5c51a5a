#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include <base/format.h>
#include <base/try.h>
#include <engine/program/program_context.h>
#include <engine/program/program_engine.h>
#include <etrt/options.h>

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

/// "forward", or the only method of a program that has no "forward" (see blob/format.h).
Result<std::string> method_to_run(const et::Program& program) {
  for (std::size_t i = 0; i < program.num_methods(); ++i) {
    const auto name = program.get_method_name(i);
    if (!name.ok()) return Error(ErrorCode::kInvalidData, "nested program: its methods cannot be read");
    if (program.num_methods() == 1 || std::string_view(*name) == "forward") return std::string(*name);
  }
  return Error(ErrorCode::kInvalidData,
               base::concat("nested program: none of its ", program.num_methods(), " methods is named 'forward'"));
}

/// MethodMeta::uses_backend asks the same, and does not survive a method whose list of delegates is missing.
bool delegates_to_etrt(const et::Program& program, const std::string& method) {
  const auto meta = program.method_meta(method.c_str());
  for (std::size_t i = 0; meta.ok() && i < meta->num_backends(); ++i) {
    const auto name = meta->get_backend_name(i);
    if (name.ok() && std::string_view(*name) == kBackendId) return true;
  }
  return false;
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
  ETRT_TRY_ASSIGN(method_, method_to_run(*program_));
  if (delegates_to_etrt(*program_, method_)) {
    return Error(ErrorCode::kNotSupported, "nested program: delegates to TensorRTBackend itself; pack it unnested");
  }

  ETRT_TRY_ASSIGN(probe_, MethodInstance::create(*program_, method_));
  ETRT_TRY_ASSIGN(tensors_, probe_->describe());
  input_count_ = static_cast<std::size_t>(
      std::count_if(tensors_.begin(), tensors_.end(), [](const TensorInfo& info) { return info.is_input; }));
  return {};
}

Result<std::unique_ptr<ExecutionContext>> ProgramEngine::create_context(std::optional<int> profile) {
  if (profile.value_or(0) != 0) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat("optimization_profile ", *profile, ": a program variant has only profile 0"));
  }
  ETRT_TRY_ASSIGN(auto instance, MethodInstance::create(*program_, method_));
  ETRT_TRY_ASSIGN(auto context, ProgramContext::create(*this, std::move(instance)));
  return std::unique_ptr<ExecutionContext>(std::move(context));
}

Result<std::vector<Dims>> ProgramEngine::output_shapes(std::span<const Dims> inputs) {
  const std::lock_guard lock(mutex_);
  const auto key = shape_key(inputs);
  if (const auto found = shapes_.find(key); found != shapes_.end()) return found->second;
  ETRT_TRY_ASSIGN(auto outputs, probe(inputs));
  if (shapes_.size() >= kRememberedShapes) shapes_.clear();
  shapes_.emplace(key, outputs);
  return outputs;
}

Result<std::vector<Dims>> ProgramEngine::probe(std::span<const Dims> inputs) {
  const auto outputs = std::span(tensors_).subspan(input_count_);
  const bool fixed = std::none_of(outputs.begin(), outputs.end(), [](const auto& info) { return info.is_dynamic(); });
  if (!fixed) return probe_->probe_shapes(tensors_, inputs);
  std::vector<Dims> shapes;
  for (const TensorInfo& info : outputs) shapes.push_back(info.maximum);
  return shapes;
}

}  // namespace etrt::engine::program
