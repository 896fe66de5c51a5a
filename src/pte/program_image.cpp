#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <program_generated.h>
#include <string>

#include <base/checked_math.h>
#include <base/try.h>
#include <etrt/options.h>
#include <pte/extended_header.h>
#include <pte/program_image.h>

namespace etrt::pte {
namespace {

static_assert(std::endian::native == std::endian::little, "headers are written as they lie in memory");

namespace fb = etrt_pte_schema;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::uint64_t kSegmentAlignment = 128;
/// What cudaMalloc aligns to; on the host it spares neighbours a shared cache line.
constexpr std::uint64_t kOutputAlignment = 256;
/// Memory 0 is reserved, so the one planned buffer is 1.
constexpr std::uint32_t kOutputMemoryId = 1;
/// Segment 0 stays empty: the table of constants, which has to be there, points to it.
constexpr std::uint32_t kBlobSegment = 1;

struct Plan {
  std::vector<std::uint64_t> output_offsets;
  std::uint64_t size = 0;
};

std::optional<std::uint64_t> checked_align_up(std::uint64_t value, std::uint64_t alignment) {
  const auto raised = base::checked_add(value, alignment - 1);
  if (!raised) return std::nullopt;
  return *raised & ~(alignment - 1);
}

/// Each output has memory of its own: all of them live until the caller has read them.
Result<Plan> plan_outputs(const std::vector<TensorSpec>& outputs) {
  Plan plan;
  for (const TensorSpec& output : outputs) {
    plan.output_offsets.push_back(plan.size);
    // An empty tensor gets memory too: its pointer must not be null.
    const auto end = base::checked_add(plan.size, std::max<std::uint64_t>(output.nbytes, 1));
    const auto next = end ? checked_align_up(*end, kOutputAlignment) : std::nullopt;
    if (!next || *next > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return Error(ErrorCode::kInvalidArgument, "the outputs together have more than 2^63-1 bytes");
    }
    plan.size = *next;
  }
  return plan;
}

/// Builds the flatbuffer, with what is the same for every part of it.
class ProgramBuilder {
 public:
  ProgramBuilder(const IoSpec& io, const WriteOptions& options, std::uint64_t blob_size)
      : io_(io), options_(options), blob_size_(blob_size) {}

  Result<flatbuffers::DetachedBuffer> build() && {
    if (planned()) {
      ETRT_TRY_ASSIGN(plan_, plan_outputs(io_.outputs));
    }
    const auto plans = builder_.CreateVector(std::vector{execution_plan()});
    const auto segments = builder_.CreateVector(
        std::vector{fb::CreateDataSegment(builder_, 0, 0), fb::CreateDataSegment(builder_, 0, blob_size_)});
    const auto constants =
        fb::CreateSubsegmentOffsets(builder_, 0, builder_.CreateVector(std::vector<std::uint64_t>{0}));
    const auto no_buffers = builder_.CreateVector(std::vector<Offset<fb::Buffer>>{});
    const auto no_inline_data = builder_.CreateVector(std::vector<Offset<fb::BackendDelegateInlineData>>{});
    fb::FinishProgramBuffer(
        builder_, fb::CreateProgram(builder_, /*version=*/0, plans, no_buffers, no_inline_data, segments, constants));
    return builder_.Release();
  }

 private:
  bool planned() const { return options_.outputs == OutputMemory::kPlanned; }

  Offset<fb::ExecutionPlan> execution_plan() {
    const auto name = builder_.CreateString(options_.method);
    const auto containers = fb::CreateContainerMetadataDirect(builder_, "", "");
    const auto all_values = values();
    const auto inputs = builder_.CreateVector(indices(0, io_.inputs.size()));
    const auto outputs = builder_.CreateVector(indices(io_.inputs.size(), io_.outputs.size()));
    const auto chains = builder_.CreateVector(std::vector{chain()});
    const auto operators = builder_.CreateVector(std::vector<Offset<fb::Operator>>{});
    const auto delegates = builder_.CreateVector(std::vector{delegate()});
    std::vector<std::int64_t> buffer_sizes{0};
    if (planned()) buffer_sizes.push_back(static_cast<std::int64_t>(plan_.size));
    const auto sizes = builder_.CreateVector(buffer_sizes);
    return fb::CreateExecutionPlan(builder_, name, containers, all_values, inputs, outputs, chains, operators,
                                   delegates, sizes, buffer_devices());
  }

  Offset<flatbuffers::Vector<Offset<fb::EValue>>> values() {
    std::vector<Offset<fb::EValue>> all;
    for (const TensorSpec& input : io_.inputs) all.push_back(value(input, 0));
    for (std::size_t i = 0; i < io_.outputs.size(); ++i) {
      all.push_back(value(io_.outputs[i], planned() ? allocation(plan_.output_offsets[i]) : 0));
    }
    return builder_.CreateVector(all);
  }

  Offset<fb::AllocationDetails> allocation(std::uint64_t offset) {
    return fb::CreateAllocationDetails(builder_, kOutputMemoryId, static_cast<std::uint32_t>(offset),
                                       static_cast<std::uint32_t>(offset >> 32));
  }

  Offset<fb::EValue> value(const TensorSpec& spec, Offset<fb::AllocationDetails> memory) {
    const auto sizes = builder_.CreateVector(spec.sizes);
    const auto dim_order = builder_.CreateVector(spec.dim_order);
    Offset<fb::ExtraTensorInfo> label = 0;
    if (options_.cuda_io) {
      label = fb::CreateExtraTensorInfo(builder_, 0, 0, fb::TensorDataLocation::SEGMENT, fb::DeviceType::CUDA,
                                        options_.cuda_device);
    }
    const auto dynamism = spec.dynamic ? fb::TensorShapeDynamism::DYNAMIC_BOUND : fb::TensorShapeDynamism::STATIC;
    const auto tensor = fb::CreateTensor(builder_, static_cast<fb::ScalarType>(spec.type.code), 0, sizes, dim_order,
                                         false, 0, memory, 0, dynamism, label);
    return fb::CreateEValue(builder_, fb::KernelTypes::Tensor, tensor.Union());
  }

  Offset<fb::Chain> chain() {
    const auto args = builder_.CreateVector(indices(0, io_.inputs.size() + io_.outputs.size()));
    const auto call = fb::CreateDelegateCall(builder_, 0, args);
    const auto instructions = builder_.CreateVector(
        std::vector{fb::CreateInstruction(builder_, fb::InstructionArguments::DelegateCall, call.Union())});
    const auto none = builder_.CreateVector(std::vector<std::int32_t>{});
    return fb::CreateChain(builder_, none, none, instructions);
  }

  Offset<fb::BackendDelegate> delegate() {
    const auto id = builder_.CreateString(kBackendId);
    const auto data = fb::CreateBackendDelegateDataReference(builder_, fb::DataLocation::SEGMENT, kBlobSegment);
    std::vector<Offset<fb::CompileSpec>> specs;
    for (const CompileSpec& spec : options_.compile_specs) {
      const auto key = builder_.CreateString(spec.key);
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(spec.value.data());
      specs.push_back(fb::CreateCompileSpec(builder_, key, builder_.CreateVector(bytes, spec.value.size())));
    }
    return fb::CreateBackendDelegate(builder_, id, data, builder_.CreateVector(specs));
  }

  Offset<flatbuffers::Vector<Offset<fb::NonConstBufferDevice>>> buffer_devices() {
    if (!options_.cuda_io || !planned()) return 0;
    return builder_.CreateVector(std::vector{
        fb::CreateNonConstBufferDevice(builder_, kOutputMemoryId, fb::DeviceType::CUDA, options_.cuda_device)});
  }

  static std::vector<std::int32_t> indices(std::size_t first, std::size_t count) {
    std::vector<std::int32_t> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(static_cast<std::int32_t>(first + i));
    return all;
  }

  const IoSpec& io_;
  const WriteOptions& options_;
  std::uint64_t blob_size_;
  Plan plan_;
  FlatBufferBuilder builder_;
};

}  // namespace

Result<std::vector<std::byte>> make_program_image(const IoSpec& io, std::span<const std::byte> blob,
                                                  const WriteOptions& options) {
  ETRT_TRY_ASSIGN(const auto program, ProgramBuilder(io, options, blob.size()).build());
  ExtendedHeader header{};
  std::memcpy(header.magic, kHeaderMagic, sizeof(header.magic));
  header.length = sizeof(header);
  header.program_size = program.size() + sizeof(header);
  header.segment_base = (header.program_size + kSegmentAlignment - 1) & ~(kSegmentAlignment - 1);
  header.segment_data_size = blob.size();

  // The header goes in front of everything but the first eight bytes, which moves the root table by its size.
  std::vector<std::byte> image(header.segment_base + blob.size());
  std::memcpy(image.data(), program.data(), kHeaderOffset);
  std::uint32_t root = 0;
  std::memcpy(&root, image.data(), sizeof(root));
  root += sizeof(header);
  std::memcpy(image.data(), &root, sizeof(root));
  std::memcpy(image.data() + kHeaderOffset, &header, sizeof(header));
  std::memcpy(image.data() + kHeaderOffset + sizeof(header), program.data() + kHeaderOffset,
              program.size() - kHeaderOffset);
  if (!blob.empty()) std::memcpy(image.data() + header.segment_base, blob.data(), blob.size());
  return image;
}

}  // namespace etrt::pte
