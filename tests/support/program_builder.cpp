#include <cstring>
#include <map>
#include <numeric>
#include <program_generated.h>

#include <pte/extended_header.h>
#include <support/program_builder.h>

namespace etrt::support {
namespace {

namespace fb = etrt_pte_schema;
using flatbuffers::Offset;

constexpr std::size_t kAlignment = 128;

std::size_t align_up(std::size_t value) {
  return (value + kAlignment - 1) / kAlignment * kAlignment;
}

std::size_t byte_count(const ProgramSpec::Tensor& tensor) {
  std::size_t count = tensor.type == 3 || tensor.type == 6 ? 4 : 8;
  for (const std::int32_t size : tensor.sizes) count *= static_cast<std::size_t>(size);
  return count;
}

class Builder {
 public:
  explicit Builder(const ProgramSpec& spec) : spec_(spec) {}

  std::vector<std::byte> flatbuffer(bool with_segments) {
    std::vector<Offset<fb::ExecutionPlan>> plans;
    for (const auto& method : spec_.methods) plans.push_back(plan(method));
    std::vector<Offset<fb::BackendDelegateInlineData>> inline_data;
    for (const auto& data : spec_.inline_data) {
      builder_.ForceVectorAlignment(data.size(), 1, 16);
      const auto bytes = builder_.CreateVector(reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
      inline_data.push_back(fb::CreateBackendDelegateInlineData(builder_, bytes));
    }
    std::vector<Offset<fb::DataSegment>> segments;
    std::size_t offset = 0;
    for (std::size_t i = 0; with_segments && i < spec_.segments.size(); ++i) {
      segments.push_back(fb::CreateDataSegment(builder_, offset, spec_.segments[i].size()));
      offset = align_up(offset + spec_.segments[i].size());
    }
    std::vector<Offset<fb::NamedData>> named;
    for (const auto& [key, segment] : spec_.named_data) {
      named.push_back(fb::CreateNamedDataDirect(builder_, key.c_str(), segment));
    }
    const auto constants = fb::CreateSubsegmentOffsetsDirect(builder_, 0, &spec_.constant_offsets);
    fb::FinishProgramBuffer(builder_, fb::CreateProgramDirect(builder_, 0, &plans, nullptr, &inline_data, &segments,
                                                              constants, nullptr, &named));
    const auto* bytes = reinterpret_cast<const std::byte*>(builder_.GetBufferPointer());
    return {bytes, bytes + builder_.GetSize()};
  }

 private:
  /// The memories that the tensors of one method are planned in.
  struct Memories {
    struct Memory {
      std::uint32_t id;
      std::size_t size = 0;
    };
    std::map<std::pair<bool, std::int8_t>, Memory> all;  ///< by CUDA or not, and the device

    Memory& of(const ProgramSpec::Tensor& tensor) {
      const auto id = static_cast<std::uint32_t>(all.size() + 1);
      return all.try_emplace({tensor.cuda, tensor.cuda_device}, Memory{id}).first->second;
    }
  };

  Offset<fb::ExecutionPlan> plan(const ProgramSpec::Method& method) {
    Memories memories;
    std::vector<Offset<fb::EValue>> values;
    for (const auto& tensor : method.tensors) values.push_back(value(tensor, memories));
    for (const std::int64_t integer : method.integers) {
      const auto made = fb::CreateInt(builder_, integer);
      values.push_back(fb::CreateEValue(builder_, fb::KernelTypes::Int, made.Union()));
    }
    for (const auto& list : method.lists) {
      const auto made = fb::CreateOptionalTensorListDirect(builder_, &list);
      values.push_back(fb::CreateEValue(builder_, fb::KernelTypes::OptionalTensorList, made.Union()));
    }
    std::vector<Offset<fb::BackendDelegate>> delegates;
    for (const auto& one : method.delegates) delegates.push_back(delegate(one));
    std::vector<Offset<fb::Operator>> operators;
    std::vector<Offset<fb::Instruction>> instructions;
    for (const auto& step : method.steps) {
      instructions.push_back(instruction(step, static_cast<std::int32_t>(operators.size())));
      if (step.op.empty()) continue;
      operators.push_back(fb::CreateOperatorDirect(builder_, step.op.c_str(), step.overload.c_str()));
    }
    const std::vector<std::int32_t> none;
    const std::vector chains{fb::CreateChainDirect(builder_, &none, &none, &instructions)};
    std::vector<std::int64_t> sizes(memories.all.size() + 1);
    std::vector<Offset<fb::NonConstBufferDevice>> devices;
    for (const auto& [place, memory] : memories.all) {
      sizes[memory.id] = static_cast<std::int64_t>(memory.size);
      if (!place.first) continue;
      devices.push_back(fb::CreateNonConstBufferDevice(builder_, static_cast<std::int32_t>(memory.id),
                                                       fb::DeviceType::CUDA, place.second));
    }
    const auto containers = fb::CreateContainerMetadataDirect(builder_, "", "");
    return fb::CreateExecutionPlanDirect(builder_, method.name.c_str(), containers, &values, &method.inputs,
                                         &method.outputs, &chains, &operators, &delegates, &sizes, &devices);
  }

  Offset<fb::EValue> value(const ProgramSpec::Tensor& tensor, Memories& memories) {
    Offset<fb::AllocationDetails> allocation = 0;
    if (tensor.planned && (tensor.constant == 0 || tensor.is_state)) {
      auto& memory = memories.of(tensor);
      allocation = fb::CreateAllocationDetails(builder_, memory.id, static_cast<std::uint32_t>(memory.size));
      memory.size = align_up(memory.size + byte_count(tensor));
    }
    Offset<fb::ExtraTensorInfo> label = 0;
    if (tensor.cuda) {
      label = fb::CreateExtraTensorInfo(builder_, 0, 0, fb::TensorDataLocation::SEGMENT, fb::DeviceType::CUDA,
                                        tensor.cuda_device);
    }
    if (!tensor.external.empty()) {
      label = fb::CreateExtraTensorInfoDirect(builder_, 0, tensor.external.c_str(), fb::TensorDataLocation::EXTERNAL);
    }
    const auto dynamism = tensor.dynamic ? fb::TensorShapeDynamism::DYNAMIC_BOUND : fb::TensorShapeDynamism::STATIC;
    std::vector<std::uint8_t> dim_order;
    for (std::size_t i = 0; i < tensor.sizes.size(); ++i) dim_order.push_back(static_cast<std::uint8_t>(i));
    const auto made = fb::CreateTensorDirect(builder_, static_cast<fb::ScalarType>(tensor.type), 0, &tensor.sizes,
                                             &dim_order, false, tensor.constant, allocation, 0, dynamism, label);
    return fb::CreateEValue(builder_, fb::KernelTypes::Tensor, made.Union());
  }

  Offset<fb::BackendDelegate> delegate(const ProgramSpec::Delegate& one) {
    std::vector<Offset<fb::CompileSpec>> specs;
    for (const auto& [key, value] : one.compile_specs) {
      const std::vector<std::uint8_t> bytes(value.begin(), value.end());
      specs.push_back(fb::CreateCompileSpecDirect(builder_, key.c_str(), &bytes));
    }
    const auto location = one.is_inline ? fb::DataLocation::INLINE : fb::DataLocation::SEGMENT;
    const auto data = fb::CreateBackendDelegateDataReference(builder_, location, one.data);
    return fb::CreateBackendDelegateDirect(builder_, one.id.c_str(), data, &specs);
  }

  Offset<fb::Instruction> instruction(const ProgramSpec::Step& step, std::int32_t next_operator) {
    if (step.jump_to >= 0) {
      const auto jump = fb::CreateJumpFalseCall(builder_, step.args[0], step.jump_to);
      return fb::CreateInstruction(builder_, fb::InstructionArguments::JumpFalseCall, jump.Union());
    }
    if (step.moves) {
      const auto move = fb::CreateMoveCall(builder_, step.args[0], step.args[1]);
      return fb::CreateInstruction(builder_, fb::InstructionArguments::MoveCall, move.Union());
    }
    if (step.op.empty()) {
      const auto call = fb::CreateDelegateCallDirect(builder_, step.delegate, &step.args);
      return fb::CreateInstruction(builder_, fb::InstructionArguments::DelegateCall, call.Union());
    }
    const auto call = fb::CreateKernelCallDirect(builder_, next_operator, &step.args);
    return fb::CreateInstruction(builder_, fb::InstructionArguments::KernelCall, call.Union());
  }

  const ProgramSpec& spec_;
  flatbuffers::FlatBufferBuilder builder_;
};

}  // namespace

std::vector<std::byte> ProgramSpec::build(bool has_header) const {
  const std::vector<std::byte> program = Builder(*this).flatbuffer(has_header);
  if (!has_header) return program;
  pte::ExtendedHeader header{};
  std::memcpy(header.magic, pte::kHeaderMagic, sizeof(header.magic));
  header.length = sizeof(header);
  header.program_size = program.size() + sizeof(header);
  header.segment_base = segments.empty() ? 0 : align_up(header.program_size);
  std::vector<std::byte> file(program.begin(), program.begin() + pte::kHeaderOffset);
  std::uint32_t root = 0;
  std::memcpy(&root, file.data(), sizeof(root));
  root += sizeof(header);
  std::memcpy(file.data(), &root, sizeof(root));
  file.resize(pte::kHeaderOffset + sizeof(header));
  file.insert(file.end(), program.begin() + pte::kHeaderOffset, program.end());
  for (const Bytes& segment : segments) {
    file.resize(align_up(file.size()));
    file.insert(file.end(), segment.begin(), segment.end());
  }
  if (!segments.empty()) header.segment_data_size = file.size() - header.segment_base;
  std::memcpy(file.data() + pte::kHeaderOffset, &header, sizeof(header));
  return file;
}

// ExecuTorch's schema of it is in no package: fields are given by their place in the tables of FT01.
std::vector<std::byte> build_data_file(const std::string& key, const ProgramSpec::Tensor& tensor,
                                       std::span<const std::byte> data) {
  using AnyTable = Offset<flatbuffers::Table>;
  const auto field = [](int place) { return static_cast<flatbuffers::voffset_t>(4 + 2 * place); };
  flatbuffers::FlatBufferBuilder builder;
  std::vector<std::uint8_t> order(tensor.sizes.size());
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  const auto sizes = builder.CreateVector(tensor.sizes);
  const auto dim_order = builder.CreateVector(order);
  const auto name = builder.CreateString(key);
  const auto layout_start = builder.StartTable();
  builder.AddElement<std::int8_t>(field(0), tensor.type, 0);
  builder.AddOffset(field(1), sizes);
  builder.AddOffset(field(2), dim_order);
  const AnyTable layout(builder.EndTable(layout_start));
  const auto segment_start = builder.StartTable();
  builder.AddElement<std::uint64_t>(field(1), data.size(), 0);
  const auto segments = builder.CreateVector(std::vector{AnyTable(builder.EndTable(segment_start))});
  const auto named_start = builder.StartTable();
  builder.AddOffset(field(0), name);
  builder.AddOffset(field(2), layout);
  const auto named = builder.CreateVector(std::vector{AnyTable(builder.EndTable(named_start))});
  const auto root_start = builder.StartTable();
  builder.AddOffset(field(1), segments);
  builder.AddOffset(field(2), named);
  builder.Finish(AnyTable(builder.EndTable(root_start)), "FT01");

  struct {
    char magic[4] = {'F', 'H', '0', '1'};
    std::uint32_t length = 40;
    std::uint64_t flatbuffer_offset = 0;
    std::uint64_t flatbuffer_size = 0;
    std::uint64_t segment_base = 0;
    std::uint64_t segment_size = 0;
  } header;
  constexpr std::size_t kHeaderAt = 8;
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  std::vector<std::byte> file(bytes, bytes + builder.GetSize());
  file.insert(file.begin() + kHeaderAt, sizeof(header), std::byte{});
  std::uint32_t root = 0;
  std::memcpy(&root, file.data(), sizeof(root));
  root += sizeof(header);
  std::memcpy(file.data(), &root, sizeof(root));
  header.flatbuffer_size = file.size();
  file.resize(align_up(file.size()));
  header.segment_base = file.size();
  header.segment_size = data.size();
  std::memcpy(file.data() + kHeaderAt, &header, sizeof(header));
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

ProgramSpec::Step to_device(std::int32_t from, std::int32_t to) {
  return {.op = "et_copy::_h2d_copy", .args = {from, to, to}};
}

ProgramSpec::Step to_host(std::int32_t from, std::int32_t to) {
  return {.op = "et_copy::_d2h_copy", .args = {from, to, to}};
}

}  // namespace etrt::support
