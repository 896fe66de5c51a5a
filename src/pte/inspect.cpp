#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <program_generated.h>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <etrt/pte.h>
#include <pte/extended_header.h>
#include <pte/scalar_type.h>

namespace etrt::pte {
namespace {

namespace fb = etrt_pte_schema;

constexpr std::size_t kProgramAlignment = 16;
/// A small file can name one large thing many times over. So much of it is copied into the answer, in bytes.
constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;

template <class... Parts>
Error invalid(const Parts&... parts) {
  return Error(ErrorCode::kInvalidData, base::concat("not a usable ExecuTorch program: ", parts...));
}

/// Where the parts of the file are, as its header says.
struct FileLayout {
  std::uint64_t program_size = 0;
  std::uint64_t segment_base = 0;
};

Result<FileLayout> read_layout(Bytes pte) {
  constexpr std::size_t kMinSize = kHeaderOffset + sizeof(std::uint32_t);
  if (pte.size < kMinSize) return invalid("it has ", pte.size, " bytes, the smallest has more than ", kMinSize);
  const auto* bytes = static_cast<const std::byte*>(pte.data);
  if (!flatbuffers::BufferHasIdentifier(bytes, fb::ProgramIdentifier())) {
    return invalid("bytes 4 to 7 are not \"", fb::ProgramIdentifier(), "\"");
  }
  if (std::memcmp(bytes + kHeaderOffset, kHeaderMagic, sizeof(kHeaderMagic)) != 0) return FileLayout{pte.size, 0};

  ExtendedHeader header{};
  if (!base::range_fits(kHeaderOffset, sizeof(header), pte.size)) return invalid("it ends inside its header");
  std::memcpy(&header, bytes + kHeaderOffset, sizeof(header));
  if (header.length < kMinHeaderLength) {
    return invalid("its header has length ", header.length, ", must be at least ", kMinHeaderLength);
  }
  if (header.program_size > pte.size || header.segment_base > pte.size) {
    return invalid("its header says that the program has ", header.program_size, " bytes and the segments begin at ",
                   header.segment_base, ", but the file has ", pte.size);
  }
  return FileLayout{header.program_size, header.segment_base};
}

/// The program part at an address that suits its numbers: in place if it lies well, else a copy.
class AlignedProgram {
 public:
  AlignedProgram(Bytes pte, std::size_t size) : data_(static_cast<const std::uint8_t*>(pte.data)), size_(size) {
    if (reinterpret_cast<std::uintptr_t>(data_) % kProgramAlignment == 0) return;
    copy_.reset(static_cast<std::uint8_t*>(::operator new (size, std::align_val_t{kProgramAlignment})));
    std::memcpy(copy_.get(), data_, size);
    data_ = copy_.get();
  }

  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::uint8_t* p) const { ::operator delete (p, std::align_val_t{kProgramAlignment}); }
  };

  std::unique_ptr<std::uint8_t, Free> copy_;
  const std::uint8_t* data_;
  std::size_t size_;
};

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

/// Reads a verified flatbuffer. Verified means that every pointer leads to something inside of it, not that optional
/// parts are there, nor that an index is in range.
class Inspector {
 public:
  Inspector(Bytes pte, FileLayout layout, const AlignedProgram& program)
      : pte_(pte), layout_(layout), program_(program), root_(fb::GetProgram(program.data())) {}

  Result<ProgramInfo> inspect() {
    ProgramInfo info;
    info.program_size = layout_.program_size;
    info.segments = count(root_->segments());
    if (root_->execution_plan() == nullptr) return invalid("it has no methods");
    for (const fb::ExecutionPlan* plan : *root_->execution_plan()) {
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
    // The first size is reserved.
    for (std::size_t i = 1; i < count(plan.non_const_buffer_sizes()); ++i) {
      ETRT_TRY(spend(sizeof(std::int64_t)));
      method.planned_buffers.push_back(plan.non_const_buffer_sizes()->Get(i));
    }
    for (std::size_t i = 0; i < count(plan.chains()); ++i) {
      ETRT_TRY(spend(1));
      method.instructions += count(plan.chains()->Get(i)->instructions());
    }
    return method;
  }

  Result<std::vector<ValueInfo>> read_values(const fb::ExecutionPlan& plan,
                                             const flatbuffers::Vector<std::int32_t>* indices,
                                             const std::string& where) {
    std::vector<ValueInfo> values;
    for (std::size_t i = 0; i < count(indices); ++i) {
      const std::int32_t index = indices->Get(i);
      if (index < 0 || static_cast<std::size_t>(index) >= count(plan.values())) {
        return invalid(where, i, " is value ", index, " of ", count(plan.values()));
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
    if (evalue.val() == nullptr) return invalid(where, " is a tensor without a description");
    ETRT_TRY_ASSIGN(value.tensor, read_tensor(*evalue.val_as_Tensor(), where));
    return value;
  }

  Result<TensorInfo> read_tensor(const fb::Tensor& tensor, const std::string& where) {
    TensorInfo info;
    const auto code = static_cast<std::int8_t>(tensor.scalar_type());
    const auto type = scalar_type_of_code(code);
    info.dtype = type ? std::string(type->name) : base::concat("scalar type ", int{code});
    if (tensor.sizes() == nullptr || tensor.dim_order() == nullptr) return invalid(where, " has no sizes");
    ETRT_TRY(spend(tensor.sizes()->size() * sizeof(std::int32_t) + tensor.dim_order()->size()));
    info.sizes.assign(tensor.sizes()->begin(), tensor.sizes()->end());
    info.dim_order.assign(tensor.dim_order()->begin(), tensor.dim_order()->end());
    if (std::any_of(info.sizes.begin(), info.sizes.end(), [](std::int32_t size) { return size < 0; })) {
      return invalid(where, " has a negative size");
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
    if (delegate.processed() == nullptr) return invalid(where, " has no data");
    const std::size_t index = delegate.processed()->index();
    if (delegate.processed()->location() == fb::DataLocation::SEGMENT) {
      info.segment = static_cast<std::int64_t>(index);
      ETRT_TRY(locate_segment(index, where, info));
    } else {
      ETRT_TRY(locate_inline(index, where, info));
    }
    info.data.data = static_cast<const std::byte*>(pte_.data) + info.offset;
    for (std::size_t i = 0; i < count(delegate.compile_specs()); ++i) {
      ETRT_TRY_ASSIGN(CompileSpec spec, read_compile_spec(*delegate.compile_specs()->Get(i), where));
      info.compile_specs.push_back(std::move(spec));
    }
    return info;
  }

  Status locate_segment(std::size_t index, const std::string& where, DelegateInfo& info) const {
    if (index >= count(root_->segments())) {
      return invalid(where, " is in segment ", index, " of ", count(root_->segments()));
    }
    const fb::DataSegment& segment = *root_->segments()->Get(index);
    const std::uint64_t available = pte_.size - layout_.segment_base;
    if (layout_.segment_base == 0 || !base::range_fits(segment.offset(), segment.size(), available)) {
      return invalid(where, " is at ", segment.offset(), " + ", segment.size(), " behind ", layout_.segment_base,
                     ", but the file has ", pte_.size, " bytes");
    }
    info.offset = layout_.segment_base + segment.offset();
    info.data.size = segment.size();
    return {};
  }

  Status locate_inline(std::size_t index, const std::string& where, DelegateInfo& info) const {
    const auto* all = root_->backend_delegate_data();
    if (index >= count(all)) return invalid(where, " is inline data ", index, " of ", count(all));
    const auto* data = all->Get(index)->data();
    if (data == nullptr) return invalid(where, " is inline data that is not there");
    info.offset = static_cast<std::uint64_t>(data->data() - program_.data());
    info.data.size = data->size();
    return {};
  }

  Result<CompileSpec> read_compile_spec(const fb::CompileSpec& spec, const std::string& where) {
    ETRT_TRY(spend(sizeof(CompileSpec) + count(spec.value())));
    CompileSpec copy;
    ETRT_TRY_ASSIGN(copy.key, read_string(spec.key(), where + ", the key of a compile spec"));
    if (spec.value() != nullptr) copy.value.assign(spec.value()->begin(), spec.value()->end());
    return copy;
  }

  Result<std::string> read_string(const flatbuffers::String* text, const std::string& where) {
    if (text == nullptr) return invalid(where, " is missing");
    ETRT_TRY(spend(text->size()));
    return text->str();
  }

  Status spend(std::size_t size) {
    if (size > budget_) return invalid("what it describes is larger than ", kMaxAnswer, " bytes");
    budget_ -= size;
    return {};
  }

  Bytes pte_;
  FileLayout layout_;
  const AlignedProgram& program_;
  const fb::Program* root_;
  std::size_t budget_ = kMaxAnswer;
};

}  // namespace

Result<ProgramInfo> inspect(Bytes pte) {
  ETRT_TRY_ASSIGN(const FileLayout layout, read_layout(pte));
  if (layout.program_size >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    return invalid("its program part has ", layout.program_size, " bytes, at most ", FLATBUFFERS_MAX_BUFFER_SIZE - 1);
  }
  const AlignedProgram program(pte, layout.program_size);
  flatbuffers::Verifier verifier(program.data(), program.size());
  if (!fb::VerifyProgramBuffer(verifier)) return invalid("its program part is truncated or corrupt");
  return Inspector(pte, layout, program).inspect();
}

}  // namespace etrt::pte
