#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <set>
#include <utility>

#include <base/try.h>
#include <program_facts/known_operators.h>
#include <program_facts/method_view.h>
#include <program_facts/program_facts.h>
#include <program_facts/state.h>

namespace etrt::program_facts {
namespace {

constexpr std::string_view kKnownBackend = "XnnpackBackend";
constexpr std::size_t kMaxBackend = 256;

/// ExecuTorch's header behind the eight bytes that start every flatbuffer; without it the file is all flatbuffer.
constexpr std::size_t kHeaderOffset = 8;
constexpr char kHeaderMagic[4] = {'e', 'h', '0', '0'};
constexpr std::size_t kProgramSizeOffset = 16;
constexpr std::size_t kProgramAlignment = 16;

Result<std::span<const std::byte>> program_part(std::span<const std::byte> file) {
  constexpr std::size_t kSmallest = kProgramSizeOffset + sizeof(std::uint64_t);
  if (file.size() < kSmallest || !flatbuffers::BufferHasIdentifier(file.data(), schema::ProgramIdentifier())) {
    return malformed("its ", file.size(), " bytes do not start as a program does");
  }
  std::uint64_t size = file.size();
  if (std::memcmp(file.data() + kHeaderOffset, kHeaderMagic, sizeof(kHeaderMagic)) == 0) {
    std::memcpy(&size, file.data() + kProgramSizeOffset, sizeof(size));
  }
  if (size > file.size() || size >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    return malformed("its program part has ", size, " bytes, the file has ", file.size());
  }
  return file.first(size);
}

class MethodReader {
 public:
  explicit MethodReader(const schema::ExecutionPlan& plan) : plan_(plan), method_(plan) {}

  Result<MethodFacts> read() {
    if (plan_.name() == nullptr) return malformed("a method has no name");
    facts_.name = plan_.name()->str();
    std::vector<std::vector<Step>> chains;
    for (std::size_t i = 0; i < method_.chains(); ++i) {
      ETRT_TRY_ASSIGN(auto steps, method_.steps(i));
      for (const Step& step : steps) note(step);
      chains.push_back(std::move(steps));
    }
    ETRT_TRY(note_backends());
    note_external_data();
    const bool writes_constant = std::any_of(chains.begin(), chains.end(), [&](const auto& steps) {
      return std::any_of(steps.begin(), steps.end(), [&](const Step& step) { return changes_constant(step); });
    });
    const auto inputs = tensors(plan_.inputs());
    const auto outputs = tensors(plan_.outputs());
    facts_.keeps_state = writes_constant || StateSearch(method_, inputs, outputs).keeps_state(chains);
    return std::move(facts_);
  }

 private:
  void note(const Step& step) {
    if (step.kind == Step::Kind::kKernel) {
      add_once(facts_.operators, step.name);
      if (is_index(step.name) ? has_mask(step) : !has_known_shapes(step.name)) {
        add_once(facts_.data_dependent, step.name);
      }
    }
  }

  /// Those that no step calls are loaded all the same.
  Status note_backends() {
    for (std::size_t i = 0; i < count(plan_.delegates()); ++i) {
      const auto* id = plan_.delegates()->Get(static_cast<flatbuffers::uoffset_t>(i))->id();
      if (id == nullptr || id->size() > kMaxBackend) return malformed("delegate ", i, " names no backend");
      const std::string name = id->str();
      add_once(facts_.backends, name);
      if (name != kKnownBackend) add_once(facts_.data_dependent, name);
    }
    return {};
  }

  /// Indices that are numbers give a shape of their own; masks give as many elements as are true in them.
  bool has_mask(const Step& step) const {
    return std::any_of(step.in.begin() + (step.in.empty() ? 0 : 1), step.in.end(), [&](std::int32_t value) {
      const auto type = method_.tensor(value)->scalar_type();
      return type == schema::ScalarType::BOOL || type == schema::ScalarType::BYTE;
    });
  }

  /// A view of a constant is an output of `et_view` that is not written.
  bool changes_constant(const Step& step) const {
    if (step.kind != Step::Kind::kKernel || step.name.starts_with("executorch_prim::et_view")) return false;
    return std::any_of(step.out.begin(), step.out.end(), [&](std::int32_t value) {
      const schema::Tensor& tensor = *method_.tensor(value);
      return tensor.allocation_info() == nullptr && tensor.data_buffer_idx() > 0;
    });
  }

  void note_external_data() {
    for (std::size_t i = 0; i < method_.values(); ++i) {
      const schema::Tensor* tensor = method_.tensor(static_cast<std::int32_t>(i));
      const auto* extra = tensor == nullptr ? nullptr : tensor->extra_tensor_info();
      if (extra == nullptr || extra->location() != schema::TensorDataLocation::EXTERNAL) continue;
      const auto* name = extra->fully_qualified_name();
      // Of a hostile name its beginning is enough.
      add_once(facts_.external_data, name == nullptr ? "?" : name->str().substr(0, 1024));
    }
  }

  /// What names no tensor is ExecuTorch's to refuse.
  std::vector<std::int32_t> tensors(const flatbuffers::Vector<std::int32_t>* list) const {
    std::vector<std::int32_t> found;
    for (std::size_t i = 0; i < count(list); ++i) {
      const std::int32_t value = list->Get(static_cast<flatbuffers::uoffset_t>(i));
      if (method_.tensor(value) != nullptr) found.push_back(value);
    }
    return found;
  }

  void add_once(std::vector<std::string>& names, const std::string& name) {
    if (seen_.emplace(&names, name).second) names.push_back(name);
  }

  const schema::ExecutionPlan& plan_;
  MethodView method_;
  std::set<std::pair<const void*, std::string>> seen_;  ///< names by the list that they are in
  MethodFacts facts_;
};

struct FreeAligned {
  void operator()(std::byte* memory) const { ::operator delete (memory, std::align_val_t{kProgramAlignment}); }
};

}  // namespace

std::vector<std::string> MethodFacts::quantized_operators() const {
  std::vector<std::string> found;
  std::copy_if(operators.begin(), operators.end(), std::back_inserter(found),
               [](const std::string& name) { return is_quantized(name); });
  return found;
}

const MethodFacts* ProgramFacts::find(std::string_view name) const {
  const auto found =
      std::find_if(methods.begin(), methods.end(), [&](const MethodFacts& method) { return method.name == name; });
  return found == methods.end() ? nullptr : &*found;
}

const MethodFacts* ProgramFacts::entry() const {
  return methods.size() == 1 ? methods.data() : find("forward");
}

Result<ProgramFacts> read(std::span<const std::byte> program) {
  ETRT_TRY_ASSIGN(auto part, program_part(program));
  std::unique_ptr<std::byte, FreeAligned> copy;
  if (reinterpret_cast<std::uintptr_t>(part.data()) % kProgramAlignment != 0) {
    copy.reset(static_cast<std::byte*>(::operator new (part.size(), std::align_val_t{kProgramAlignment})));
    std::memcpy(copy.get(), part.data(), part.size());
    part = {copy.get(), part.size()};
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(part.data());
  flatbuffers::Verifier verifier(bytes, part.size());
  if (!schema::VerifyProgramBuffer(verifier)) return malformed("its program part is truncated or corrupt");
  ProgramFacts facts;
  const auto* plans = schema::GetProgram(bytes)->execution_plan();
  for (std::size_t i = 0; i < count(plans); ++i) {
    ETRT_TRY_ASSIGN(MethodFacts method, MethodReader(*plans->Get(static_cast<flatbuffers::uoffset_t>(i))).read());
    facts.methods.push_back(std::move(method));
  }
  return facts;
}

}  // namespace etrt::program_facts
