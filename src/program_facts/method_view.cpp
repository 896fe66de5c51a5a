#include <algorithm>
#include <limits>

#include <base/checked_math.h>
#include <base/try.h>
#include <program_facts/known_operators.h>
#include <program_facts/method_view.h>

namespace etrt::program_facts {
namespace {

/// A small file can name one long list many times over. So many items are looked at.
constexpr std::size_t kMaxItems = std::size_t{1} << 24;

/// Longer names are nobody's, and slow to compare.
constexpr std::size_t kMaxName = 256;

std::optional<std::uint64_t> element_size(schema::ScalarType type) {
  using enum schema::ScalarType;
  switch (type) {
    case BYTE:
    case CHAR:
    case BOOL:
    case QINT8:
    case QUINT8:
    case QUINT4X2:
    case QUINT2X4:
    case FLOAT8E5M2:
    case FLOAT8E4M3FN:
    case FLOAT8E5M2FNUZ:
    case FLOAT8E4M3FNUZ:
      return 1;
    case SHORT:
    case HALF:
    case BFLOAT16:
    case BITS16:
    case UINT16:
      return 2;
    case INT:
    case FLOAT:
    case QINT32:
    case UINT32:
      return 4;
    case LONG:
    case DOUBLE:
    case UINT64:
      return 8;
  }
  return std::nullopt;
}

Result<std::string> name_of(const flatbuffers::String* text, const char* what) {
  if (text == nullptr || text->size() == 0) return malformed(what, " has no name");
  if (text->size() > kMaxName) return malformed(what, " has a name of ", text->size(), " bytes");
  return text->str();
}

/// How many of a kernel's arguments at the end are its results. They are told twice: as the arguments that the
/// operator's schema calls out, and behind those as what it returns, in a list where they are several.
std::size_t result_count(const MethodView& method, const schema::EValue& last,
                         std::span<const std::int32_t> arguments) {
  std::vector<std::int32_t> results{arguments.back()};
  if (const auto* list = last.val_as_TensorList(); list != nullptr && list->items() != nullptr) {
    results.assign(list->items()->begin(), list->items()->end());
  } else if (method.tensor(arguments.back()) == nullptr) {
    return 1;
  }
  const auto before = arguments.first(arguments.size() - 1);
  const bool single = !before.empty() && before.back() == arguments.back();
  if (single) return 2;
  const bool told_twice = !results.empty() && results.size() <= before.size() &&
                          std::equal(results.begin(), results.end(), before.end() - results.size());
  return told_twice ? results.size() + 1 : 1;
}

}  // namespace

const schema::Tensor* MethodView::tensor(std::int32_t value) const {
  if (value < 0 || static_cast<std::size_t>(value) >= values()) return nullptr;
  return plan_.values()->Get(static_cast<flatbuffers::uoffset_t>(value))->val_as_Tensor();
}

Status MethodView::spend(std::size_t items) {
  if (items > kMaxItems - spent_) return malformed("its instructions have more than ", kMaxItems, " arguments");
  spent_ += items;
  return {};
}

Status MethodView::check_value(std::int32_t value) const {
  if (value >= 0 && static_cast<std::size_t>(value) < values()) return {};
  return malformed("an instruction names value ", value, " of ", values());
}

Result<std::vector<std::int32_t>> MethodView::arguments(const flatbuffers::Vector<std::int32_t>* list) {
  ETRT_TRY(spend(count(list)));
  std::vector<std::int32_t> values;
  for (std::size_t i = 0; i < count(list); ++i) {
    values.push_back(list->Get(static_cast<flatbuffers::uoffset_t>(i)));
    ETRT_TRY(check_value(values.back()));
  }
  return values;
}

Result<std::vector<std::int32_t>> MethodView::tensors_of(std::int32_t value) {
  const auto& evalue = *plan_.values()->Get(static_cast<flatbuffers::uoffset_t>(value));
  if (evalue.val_as_Tensor() != nullptr) return std::vector{value};
  const auto* list = evalue.val_as_TensorList();
  const auto* optional = evalue.val_as_OptionalTensorList();
  const auto* items = list != nullptr ? list->items() : optional != nullptr ? optional->items() : nullptr;
  ETRT_TRY(spend(count(items)));
  std::vector<std::int32_t> tensors;
  for (std::size_t i = 0; i < count(items); ++i) {
    const std::int32_t item = items->Get(static_cast<flatbuffers::uoffset_t>(i));
    // Of an optional list, -1 is a tensor that is not given.
    if (item == -1 && optional != nullptr) continue;
    ETRT_TRY(check_value(item));
    if (tensor(item) != nullptr) tensors.push_back(item);
  }
  return tensors;
}

std::optional<PlannedRange> MethodView::planned_range(const schema::Tensor& tensor) {
  const auto* place = tensor.allocation_info();
  auto bytes = element_size(tensor.scalar_type());
  if (place == nullptr || tensor.sizes() == nullptr) return std::nullopt;
  for (const std::int32_t size : *tensor.sizes()) {
    if (size < 0 || !bytes) return std::nullopt;
    bytes = base::checked_mul(*bytes, static_cast<std::uint64_t>(size));
  }
  const std::uint64_t begin = std::uint64_t{place->memory_offset_high()} << 32 | place->memory_offset_low();
  const auto end = bytes ? base::checked_add(begin, *bytes) : std::nullopt;
  if (!end) return std::nullopt;
  return PlannedRange{place->memory_id(), begin, *end};
}

Result<std::vector<Step>> MethodView::steps(std::size_t chain) {
  const auto* instructions = plan_.chains()->Get(static_cast<flatbuffers::uoffset_t>(chain))->instructions();
  std::vector<Step> steps;
  for (std::size_t i = 0; i < count(instructions); ++i) {
    const auto& instruction = *instructions->Get(static_cast<flatbuffers::uoffset_t>(i));
    ETRT_TRY_ASSIGN(Step step, read(instruction, instructions->size()));
    steps.push_back(std::move(step));
  }
  return steps;
}

Result<Step> MethodView::read(const schema::Instruction& instruction, std::size_t steps) {
  if (instruction.instr_args() == nullptr) return malformed("an instruction is empty");
  if (const auto* kernel = instruction.instr_args_as_KernelCall()) return read_kernel(*kernel);
  if (const auto* delegate = instruction.instr_args_as_DelegateCall()) return read_delegate(*delegate);
  Step step;
  if (const auto* move = instruction.instr_args_as_MoveCall()) {
    step.kind = Step::Kind::kMove;
    ETRT_TRY(check_value(move->move_from()));
    ETRT_TRY(check_value(move->move_to()));
    const std::int32_t from = move->move_from();
    ETRT_TRY(add_all({&from, 1}, step.in));
    step.out = {move->move_to()};
  } else if (const auto* jump = instruction.instr_args_as_JumpFalseCall()) {
    step.kind = Step::Kind::kJump;
    const std::int32_t condition = jump->cond_value_index();
    const std::int32_t target = jump->destination_instruction();
    ETRT_TRY(check_value(condition));
    if (target < 0 || static_cast<std::size_t>(target) > steps) {
      return malformed("a jump leads to instruction ", target, " of ", steps);
    }
    ETRT_TRY(add_all({&condition, 1}, step.in));
    step.target = static_cast<std::size_t>(target);
  }
  return step;
}

Result<Step> MethodView::read_kernel(const schema::KernelCall& call) {
  Step step;
  step.kind = Step::Kind::kKernel;
  const auto index = static_cast<std::size_t>(call.op_index());
  if (call.op_index() < 0 || index >= count(plan_.operators())) {
    return malformed("an instruction calls operator ", call.op_index(), " of ", count(plan_.operators()));
  }
  const auto& called = *plan_.operators()->Get(static_cast<flatbuffers::uoffset_t>(index));
  ETRT_TRY_ASSIGN(step.name, name_of(called.name(), "an operator"));
  if (called.overload() != nullptr && called.overload()->size() > 0) {
    ETRT_TRY_ASSIGN(const std::string overload, name_of(called.overload(), "an overload"));
    step.name += '.' + overload;
  }
  ETRT_TRY_ASSIGN(const auto all, arguments(call.args()));
  if (all.empty()) return step;
  const auto& last = *plan_.values()->Get(static_cast<flatbuffers::uoffset_t>(all.back()));
  const std::size_t results = result_count(*this, last, all);
  const auto read = std::span(all).first(all.size() - results);
  ETRT_TRY(add_all({&all.back(), 1}, step.out));
  if (is_in_place(step.name)) ETRT_TRY(add_all({all.data(), 1}, step.out));
  // The one operator that overwrites all of its first argument.
  const bool overwrites = step.name == "aten::copy_" && !read.empty();
  ETRT_TRY(add_all(overwrites ? read.subspan(1) : read, step.in));
  return step;
}

Result<Step> MethodView::read_delegate(const schema::DelegateCall& call) {
  Step step;
  step.kind = Step::Kind::kDelegate;
  const auto index = static_cast<std::size_t>(call.delegate_index());
  if (call.delegate_index() < 0 || index >= count(plan_.delegates())) {
    return malformed("an instruction calls delegate ", call.delegate_index(), " of ", count(plan_.delegates()));
  }
  ETRT_TRY_ASSIGN(const auto all, arguments(call.args()));
  ETRT_TRY(add_all(all, step.in));
  return step;
}

Status MethodView::add_all(std::span<const std::int32_t> arguments, std::vector<std::int32_t>& tensors) {
  for (const std::int32_t argument : arguments) {
    ETRT_TRY_ASSIGN(const auto more, tensors_of(argument));
    tensors.insert(tensors.end(), more.begin(), more.end());
  }
  return {};
}

}  // namespace etrt::program_facts
