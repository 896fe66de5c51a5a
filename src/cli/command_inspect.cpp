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
#include <cli/binding_check.h>
#include <cli/commands.h>
#include <cli/delegate_choices.h>
#include <cli/file.h>
#include <cli/inspect_report.h>
#include <cli/load_trial.h>
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

Status check_delegate(const pte::DelegateInfo& delegate, const BlobReport& blob) {
  const auto options = delegate_options({}, delegate.compile_specs);
  if (!options.ok()) return Error(options.error()).within("the delegate's compile specs");
  ETRT_TRY(check_bindings(blob.view.metadata(), delegate));
  return blob.fits.ok() ? Status() : Status(Error(blob.fits.error()));
}

MethodReport look_into_method(const pte::MethodInfo& method, std::span<const Device> devices) {
  MethodReport report{&method, {}, std::nullopt, std::nullopt};
  for (const pte::DelegateInfo& delegate : method.delegates) {
    DelegateReport part{&delegate, is_registered(delegate.id), {}, std::nullopt};
    if (is_ours(delegate)) part.blob = look_into_blob(blob_of(delegate), devices);
    if (part.blob && part.blob->ok()) part.fits = check_delegate(delegate, **part.blob);
    report.delegates.push_back(std::move(part));
  }
  return report;
}

Status look_into_file(std::span<const std::byte> bytes, const std::optional<MappedFile>& data, FileReport& report) {
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
  const auto facts = program_facts::read(bytes);
  for (const pte::MethodInfo& method : report.program->methods) {
    report.methods.push_back(look_into_method(method, devices));
    if (const auto* known = facts.ok() ? facts->find(method.name) : nullptr) report.methods.back().facts = *known;
    report.methods.back().loads = try_method(bytes, report.methods.back(), data);
  }
  return {};
}

/// The first blob among the delegates that is malformed or contradicts its program: shown in its place, and the
/// command's error too.
Status first_malformed(const FileReport& report) {
  if (report.blob && !report.blob->fits.ok()) return Error(report.blob->fits.error()).within(report.path);
  for (const MethodReport& method : report.methods) {
    for (std::size_t i = 0; i < method.delegates.size(); ++i) {
      const DelegateReport& part = method.delegates[i];
      const bool malformed = part.blob && !part.blob->ok();
      if (!malformed && part.fits.ok()) continue;
      return Error(malformed ? part.blob->error() : part.fits.error())
          .within(base::concat(report.path, ": method '", printable(method.info->name), "', delegate ", i));
    }
  }
  return {};
}

/// What the program would do when it is nested.
std::optional<program_facts::MethodFacts> entry_facts(std::span<const std::byte> program) {
  const auto facts = program_facts::read(program);
  if (!facts.ok() || facts->entry() == nullptr) return std::nullopt;
  return *facts->entry();
}

/// Takes the word "runs" from host programs that do not load.
void try_programs(BlobReport& report) {
  std::vector<std::optional<PayloadTrial>> trials(report.view.candidates().size());
  for (Verdict& verdict : report.verdicts) {
    for (std::size_t i = 0; i < verdict.candidates.size(); ++i) {
      delegate::Candidate& candidate = verdict.candidates[i];
      if (!candidate.runs.ok() || candidate.kind != blob::kVariantProgram) continue;
      if (!trials[i]) trials[i] = try_payload(report.view, candidate, verdict.device);
      const PayloadTrial& trial = *trials[i];
      if (!trial.fits.ok() && report.fits.ok()) report.fits = Error(trial.fits.error());
      if (!trial.loads.ok()) candidate.runs = Error(trial.loads.error());
      if (!trial.fits.ok()) candidate.runs = Error(trial.fits.error());
    }
  }
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
  BlobReport report{bytes, read_header(bytes), std::move(view), {}, {}, {}};
  for (const Device& device : devices) {
    report.verdicts.push_back({device, delegate::examine(report.view, device.native())});
  }
  for (const blob::Variant& variant : report.view.candidates()) {
    const bool is_program = variant.kind == blob::kVariantProgram;
    report.facts.push_back(is_program ? entry_facts(report.view.payload(variant)) : std::nullopt);
  }
  try_programs(report);
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
  std::optional<MappedFile> data;
  if (!options.data.empty()) {
    ETRT_TRY_ASSIGN(data, MappedFile::open(options.data));
  }
  ETRT_TRY(look_into_file(file.bytes(), data, report));
  if (holds_tensorrt(report)) report.tensorrt = look_for_tensorrt();
  ETRT_TRY(options.json ? print(to_json(report)) : print(to_text(report)));
  return first_malformed(report);
}

}  // namespace etrt::cli
