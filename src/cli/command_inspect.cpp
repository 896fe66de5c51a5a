// etrt inspect: what a program or a delegate blob holds, and what of it would run here.

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include <executorch/runtime/backend/interface.h>
#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <cli/commands.h>
#include <cli/file.h>
#include <cli/inspect_report.h>
#include <cli/output.h>
#include <cli/program_file.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

constexpr std::string_view kProgramMagic = "ET12";

std::string_view text_at(std::span<const std::byte> bytes, std::size_t offset, std::size_t size) {
  if (bytes.size() < offset + size) return {};
  return {reinterpret_cast<const char*>(bytes.data()) + offset, size};
}

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<T>(bytes[offset + i]) << (8 * i));
  return value;
}

/// Of a blob that has been parsed, so that it has a header.
BlobHeader read_header(std::span<const std::byte> bytes) {
  BlobHeader header;
  header.magic = text_at(bytes, 0, blob::kMagicSize);
  header.metadata_offset = number_at<std::uint32_t>(bytes, blob::kMetadataOffsetField);
  header.metadata_size = number_at<std::uint32_t>(bytes, blob::kMetadataSizeField);
  header.engine_offset = number_at<std::uint32_t>(bytes, blob::kEngineOffsetField);
  header.engine_size = number_at<std::uint64_t>(bytes, blob::kEngineSizeField);
  return header;
}

bool is_registered(const std::string& backend) {
  return executorch::runtime::get_backend_class(backend.c_str()) != nullptr;
}

MethodReport look_into_method(const pte::MethodInfo& method, std::span<const Device> devices) {
  MethodReport report{&method, {}};
  for (const pte::DelegateInfo& delegate : method.delegates) {
    DelegateReport part{&delegate, is_registered(delegate.id), std::nullopt};
    if (is_ours(delegate)) part.blob = look_into_blob(blob_of(delegate), devices);
    report.delegates.push_back(std::move(part));
  }
  return report;
}

Status look_into_file(std::span<const std::byte> bytes, FileReport& report) {
  const std::vector<Device> devices = Device::all();
  const std::string_view magic = text_at(bytes, 0, blob::kMagicSize);
  if (magic == blob::kMagicPlain || magic == blob::kMagicAliased) {
    auto blob = look_into_blob(bytes, devices);
    if (!blob.ok()) return std::move(blob).error().within(report.path);
    report.blob = std::move(blob).value();
    return {};
  }
  if (text_at(bytes, 4, kProgramMagic.size()) != kProgramMagic) {
    return Error(ErrorCode::kInvalidData,
                 base::concat("'", report.path, "' is neither an ExecuTorch program (\"", kProgramMagic,
                              "\" at byte 4) nor a TensorRT delegate blob (\"", blob::kMagicPlain, "\" or \"",
                              blob::kMagicAliased, "\" at byte 0)"));
  }
  auto program = pte::inspect({bytes.data(), bytes.size()});
  if (!program.ok()) return std::move(program).error().within(report.path);
  report.program = std::move(program).value();
  for (const pte::MethodInfo& method : report.program->methods) {
    report.methods.push_back(look_into_method(method, devices));
  }
  return {};
}

/// The first malformed blob among the delegates: shown in its place, and the command's error too.
Status first_malformed(const FileReport& report) {
  for (const MethodReport& method : report.methods) {
    for (std::size_t i = 0; i < method.delegates.size(); ++i) {
      const auto& blob = method.delegates[i].blob;
      if (!blob || blob->ok()) continue;
      return Error(blob->error())
          .within(base::concat(report.path, ": method '", printable(method.info->name), "', delegate ", i));
    }
  }
  return {};
}

bool holds_tensorrt(const BlobReport& blob) {
  return !blob.verdicts.empty() &&
         std::any_of(blob.verdicts[0].candidates.begin(), blob.verdicts[0].candidates.end(), [](const auto& candidate) {
           return candidate.kind == blob::kVariantTensorRt || candidate.kind == blob::kVariantTensorRtRtx;
         });
}

bool holds_tensorrt(const FileReport& report) {
  if (report.blob) return holds_tensorrt(*report.blob);
  for (const MethodReport& method : report.methods) {
    for (const DelegateReport& part : method.delegates) {
      if (part.blob && part.blob->ok() && holds_tensorrt(**part.blob)) return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::size_t> Verdict::chosen() const {
  const auto found = std::find_if(candidates.begin(), candidates.end(),
                                  [](const delegate::Candidate& candidate) { return candidate.runs.ok(); });
  if (found == candidates.end()) return std::nullopt;
  return static_cast<std::size_t>(found - candidates.begin());
}

Result<BlobReport> look_into_blob(std::span<const std::byte> bytes, std::span<const Device> devices) {
  ETRT_TRY_ASSIGN(blob::BlobView view, blob::BlobView::parse(bytes));
  BlobReport report{bytes, read_header(bytes), std::move(view), {}};
  for (const Device& device : devices) {
    report.verdicts.push_back({device, delegate::examine(report.view, device.native())});
  }
  return report;
}

const char* device_name(pte::Device device) {
  switch (device) {
    case pte::Device::kCpu:
      return "cpu";
    case pte::Device::kCuda:
      return "cuda";
    case pte::Device::kOther:
      break;
  }
  return "other";
}

std::uint64_t alignment_of(std::uint64_t offset) {
  constexpr std::uint64_t kPage = 4096;
  return offset == 0 ? kPage : std::min(kPage, std::uint64_t{1} << std::countr_zero(offset));
}

Status command_inspect(const InspectOptions& options) {
  ETRT_TRY_ASSIGN(const MappedFile file, MappedFile::open(options.file));
  FileReport report;
  report.path = options.file;
  report.size = file.bytes().size();
  ETRT_TRY(look_into_file(file.bytes(), report));
  if (holds_tensorrt(report)) report.tensorrt = look_for_tensorrt();
  ETRT_TRY(options.json ? print(to_json(report)) : print(to_text(report)));
  return first_malformed(report);
}

}  // namespace etrt::cli
