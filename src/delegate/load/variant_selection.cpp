#include <cstring>
#include <string_view>

#include <base/format.h>
#include <delegate/load/variant_selection.h>
#include <process/process.h>

namespace etrt::delegate {
namespace {

constexpr std::string_view kTensorRt = "tensorrt";
constexpr std::string_view kTensorRtRtx = "tensorrt_rtx";

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

/// A serialised engine begins with a four-letter tag of the library that wrote it.
std::string kind_of_engine(std::span<const std::byte> bytes) {
  if (starts_with(bytes, "vtrt")) return std::string(kTensorRtRtx);
  if (starts_with(bytes, "ftrt") || starts_with(bytes, "ptrt")) return std::string(kTensorRt);
  return "unknown";
}

std::string product(const std::string& kind) {
  if (kind == kTensorRt) return "a TensorRT engine";
  if (kind == kTensorRtRtx) return "a TensorRT-RTX engine";
  if (kind == "program") return "a host program";
  return "an engine of kind '" + kind + "'";
}

Status runs_on(const std::string& kind, const engine::Target& target, std::span<const std::byte> payload,
               const engine::Loader* loader, const cuda::Device& device, const engine::EngineOptions& options) {
  if (loader != nullptr) return loader->supports(device, target, payload, options);
  return Error(ErrorCode::kNotSupported, "this build of etrt has no loader for engines of kind '" + kind + "'");
}

}  // namespace

std::string Candidate::describe() const {
  return base::concat(product(kind), target.empty() ? "" : " for " + target, " of ", payload.size(), " bytes");
}

std::vector<Candidate> examine(const blob::BlobView& blob, const cuda::Device& device,
                               const engine::EngineOptions& options) {
  std::vector<Candidate> candidates;
  for (const blob::Variant& variant : blob.candidates()) {
    const auto payload = blob.payload(variant);
    const std::string kind = variant.kind.empty() ? kind_of_engine(payload) : variant.kind;
    const engine::Loader* loader = process::Process::instance().loaders().find(kind);
    // `hardware_compatible` speaks of the engine in the blob's main place. Variants come from other builds.
    const bool is_engine = payload.data() == blob.engine().data();
    const engine::Target target{variant.target, is_engine && blob.metadata().hardware_compatible};
    candidates.push_back(
        {kind, variant.target, payload, loader, runs_on(kind, target, payload, loader, device, options)});
  }
  return candidates;
}

Result<Candidate> select(const blob::BlobView& blob, const cuda::Device& device, const engine::EngineOptions& options) {
  std::string reasons;
  for (Candidate& candidate : examine(blob, device, options)) {
    if (candidate.runs.ok()) return std::move(candidate);
    reasons += base::concat(reasons.empty() ? "" : "; ", candidate.describe(), ": ", candidate.runs.error().message());
  }
  if (reasons.empty()) return Error(ErrorCode::kInvalidData, "the blob holds neither an engine nor a variant");
  return Error(ErrorCode::kIncompatible,
               base::concat("nothing in this program runs on ", device.label, ". It holds ", reasons,
                            ". Remedy: add a variant for this machine with `etrt pack`"));
}

}  // namespace etrt::delegate
