#include <algorithm>
#include <cstring>
#include <program_generated.h>

#include <base/element_type.h>
#include <base/format.h>
#include <base/try.h>
#include <etrt/pte.h>
#include <pte/invalid_program.h>
#include <pte/program_part.h>

namespace etrt::pte {
namespace {

namespace fb = etrt_pte_schema;

/// A small file can name one large thing many times over. So much of it is copied into the answer, in bytes.
constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;

template <class T>
std::size_t count(const flatbuffers::Vector<T>* list) {
  return list == nullptr ? 0 : list->size();
}

Device device_of(fb::DeviceType type) {
  switch (type) {
    case fb::DeviceType::CPU:
      return Device::kCpu;
    case fb::DeviceType::CUDA:
      return Device::kCuda;
  }
  return Device::kOther;
}

Dynamism dynamism_of(fb::TensorShapeDynamism dynamism) {
  switch (dynamism) {
    case fb::TensorShapeDynamism::STATIC:
      return Dynamism::kStatic;
    case fb::TensorShapeDynamism::DYNAMIC_BOUND:
      return Dynamism::kBounded;
    case fb::TensorShapeDynamism::DYNAMIC_UNBOUND:
      break;
  }
  return Dynamism::kUnbounded;
}

class Inspector {
 public:
  Inspector(Bytes pte, const ProgramPart& program) : pte_(pte), program_(program), root_(program.root()) {}

  Result<ProgramInfo> inspect() {
    ProgramInfo info;
    info.program_size = program_.size();
    info.segments = program_.segment_count();
    if (root_.execution_plan() == nullptr) return invalid_program("it has no methods");
    for (const fb::ExecutionPlan* plan : *root_.execution_plan()) {
      ETRT_TRY_ASSIGN(MethodInfo method, read_method(*plan));
      info.methods.push_back(std::move(method));
    }
    return info;
  }

 private:
  Result<MethodInfo> read_method(const fb::ExecutionPlan& plan) {
    MethodInfo method;
    ETRT_TRY(spend(sizeof(method)));
    ETRT_TRY_ASSIGN(method.name, read_string(plan.name(), "a method's name"));
    ETRT_TRY_ASSIGN(method.inputs, read_values(plan, plan.inputs(), method.name + ", input "));
    ETRT_TRY_ASSIGN(method.outputs, read_values(plan, plan.outputs(), method.name + ", output "));
    for (std::size_t i = 0; i < count(plan.delegates()); ++i) {
      const std::string where = base::concat(method.name, ", delegate ", i);
      ETRT_TRY_ASSIGN(DelegateInfo delegate, read_delegate(*plan.delegates()->Get(i), where));
      method.delegates.push_back(std::move(delegate));
    }
    ETRT_TRY(read_delegate_calls(plan, method));
    // The first size is reserved.
    for (std::size_t i = 1; i < count(plan.non_const_buffer_sizes()); ++i) {
      ETRT_TRY(spend(sizeof(std::int64_t)));
      // Verified, and yet perhaps not where a number of eight bytes may be read in one piece.
      std::int64_t size = 0;
      std::memcpy(&size, plan.non_const_buffer_sizes()->Data() + i * sizeof(size), sizeof(size));
      method.planned_buffers.push_back(size);
    }
    for (std::size_t i = 0; i < count(plan.chains()); ++i) {
      ETRT_TRY(spend(1));
      method.instructions += count(plan.chains()->Get(i)->instructions());
    }
    return method;
  }

  /// What each delegate takes and gives, by the first call of it.
  Status read_delegate_calls(const fb::ExecutionPlan& plan, MethodInfo& method) {
    for (std::size_t c = 0; c < count(plan.chains()); ++c) {
      const auto* instructions = plan.chains()->Get(c)->instructions();
      for (std::size_t i = 0; i < count(instructions); ++i) {
        ETRT_TRY(spend(1));
        const auto* call = instructions->Get(i)->instr_args_as_DelegateCall();
        if (call == nullptr) continue;
        const auto index = static_cast<std::size_t>(call->delegate_index());
        if (call->delegate_index() < 0 || index >= method.delegates.size()) {
          return invalid_program(method.name, " calls delegate ", call->delegate_index(), " of ",
                                 method.delegates.size());
        }
        std::vector<ValueInfo>& arguments = method.delegates[index].arguments;
        if (!arguments.empty()) continue;
        const std::string where = base::concat(method.name, ", delegate ", index, ", argument ");
        ETRT_TRY_ASSIGN(arguments, read_values(plan, call->args(), where));
      }
    }
    return {};
  }

  Result<std::vector<ValueInfo>> read_values(const fb::ExecutionPlan& plan,
                                             const flatbuffers::Vector<std::int32_t>* indices,
                                             const std::string& where) {
    std::vector<ValueInfo> values;
    for (std::size_t i = 0; i < count(indices); ++i) {
      const std::int32_t index = indices->Get(i);
      if (index < 0 || static_cast<std::size_t>(index) >= count(plan.values())) {
        return invalid_program(where, i, " is value ", index, " of ", count(plan.values()));
      }
      ETRT_TRY_ASSIGN(ValueInfo value, read_value(*plan.values()->Get(index), base::concat(where, i)));
      values.push_back(std::move(value));
    }
    return values;
  }

  Result<ValueInfo> read_value(const fb::EValue& evalue, const std::string& where) {
    ETRT_TRY(spend(sizeof(ValueInfo)));
    ValueInfo value;
    const bool known = evalue.val_type() > fb::KernelTypes::NONE && evalue.val_type() <= fb::KernelTypes::MAX;
    value.kind = known ? fb::EnumNameKernelTypes(evalue.val_type()) : "unknown";
    if (evalue.val_type() != fb::KernelTypes::Tensor) return value;
    if (evalue.val() == nullptr) return invalid_program(where, " is a tensor without a description");
    ETRT_TRY_ASSIGN(value.tensor, read_tensor(*evalue.val_as_Tensor(), where));
    return value;
  }

  Result<TensorInfo> read_tensor(const fb::Tensor& tensor, const std::string& where) {
    TensorInfo info;
    const auto code = static_cast<std::int8_t>(tensor.scalar_type());
    const auto* type = base::find_element_type(code);
    info.dtype = type != nullptr ? std::string(type->name) : base::concat("scalar type ", int{code});
    if (tensor.sizes() == nullptr || tensor.dim_order() == nullptr) return invalid_program(where, " has no sizes");
    ETRT_TRY(spend(tensor.sizes()->size() * sizeof(std::int32_t) + tensor.dim_order()->size()));
    info.sizes.assign(tensor.sizes()->begin(), tensor.sizes()->end());
    info.dim_order.assign(tensor.dim_order()->begin(), tensor.dim_order()->end());
    if (std::any_of(info.sizes.begin(), info.sizes.end(), [](std::int32_t size) { return size < 0; })) {
      return invalid_program(where, " has a negative size");
    }
    info.dynamism = dynamism_of(tensor.shape_dynamism());
    info.planned = tensor.allocation_info() != nullptr;
    if (const auto* extra = tensor.extra_tensor_info(); extra != nullptr) {
      info.device = device_of(extra->device_type());
      info.device_index = extra->device_index();
    }
    return info;
  }

  Result<DelegateInfo> read_delegate(const fb::BackendDelegate& delegate, const std::string& where) {
    ETRT_TRY(spend(sizeof(DelegateInfo)));
    DelegateInfo info;
    ETRT_TRY_ASSIGN(info.id, read_string(delegate.id(), where + ", the backend id"));
    if (delegate.processed() == nullptr) return invalid_program(where, " has no data");
    const std::size_t index = delegate.processed()->index();
    if (delegate.processed()->location() == fb::DataLocation::SEGMENT) {
      info.segment = static_cast<std::int64_t>(index);
      ETRT_TRY_ASSIGN(info.data, program_.segment(index, where));
    } else {
      ETRT_TRY_ASSIGN(info.data, inline_data(index, where));
    }
    info.offset = static_cast<std::uint64_t>(static_cast<const std::byte*>(info.data.data) -
                                             static_cast<const std::byte*>(pte_.data));
    for (std::size_t i = 0; i < count(delegate.compile_specs()); ++i) {
      ETRT_TRY_ASSIGN(CompileSpec spec, read_compile_spec(*delegate.compile_specs()->Get(i), where));
      info.compile_specs.push_back(std::move(spec));
    }
    return info;
  }

  Result<Bytes> inline_data(std::size_t index, const std::string& where) const {
    const auto* all = root_.backend_delegate_data();
    if (index >= count(all)) return invalid_program(where, " is inline data ", index, " of ", count(all));
    const auto* data = all->Get(index)->data();
    if (data == nullptr) return invalid_program(where, " is inline data that is not there");
    return Bytes(static_cast<const std::byte*>(pte_.data) + program_.offset_of(data->data()), data->size());
  }

  Result<CompileSpec> read_compile_spec(const fb::CompileSpec& spec, const std::string& where) {
    ETRT_TRY(spend(sizeof(CompileSpec) + count(spec.value())));
    CompileSpec copy;
    ETRT_TRY_ASSIGN(copy.key, read_string(spec.key(), where + ", the key of a compile spec"));
    if (spec.value() != nullptr) copy.value.assign(spec.value()->begin(), spec.value()->end());
    return copy;
  }

  Result<std::string> read_string(const flatbuffers::String* text, const std::string& where) {
    if (text == nullptr) return invalid_program(where, " is missing");
    ETRT_TRY(spend(text->size()));
    return text->str();
  }

  Status spend(std::size_t size) {
    if (size > budget_) return invalid_program("what it describes is larger than ", kMaxAnswer, " bytes");
    budget_ -= size;
    return {};
  }

  Bytes pte_;
  const ProgramPart& program_;
  const fb::Program& root_;
  std::size_t budget_ = kMaxAnswer;
};

}  // namespace

Result<ProgramInfo> inspect(Bytes pte) {
  ETRT_TRY_ASSIGN(const ProgramPart program, ProgramPart::open(pte));
  return Inspector(pte, program).inspect();
}

}  // namespace etrt::pte
