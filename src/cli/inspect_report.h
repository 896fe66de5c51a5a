#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <blob/blob.h>
#include <cli/tensorrt_report.h>
#include <delegate/load/variant_selection.h>
#include <etrt/device.h>
#include <etrt/pte.h>
#include <etrt/result.h>
#include <program_facts/program_facts.h>

namespace etrt::cli {

/// The fields of a blob's header, as they are in the file.
struct BlobHeader {
  std::string magic;
  std::uint32_t metadata_offset = 0;
  std::uint32_t metadata_size = 0;
  std::uint32_t engine_offset = 0;
  std::uint64_t engine_size = 0;
};

/// What of a blob would run on one device.
struct Verdict {
  Device device;
  std::vector<delegate::Candidate> candidates;

  /// The first candidate that runs there.
  std::optional<std::size_t> chosen() const;
};

/// A delegate blob, looked at for every device of this machine.
struct BlobReport {
  std::span<const std::byte> bytes;
  BlobHeader header;
  blob::BlobView view;
  std::vector<Verdict> verdicts;
  Status fits;                                                   ///< whether the metadata agrees with the host programs
  std::vector<std::optional<program_facts::MethodFacts>> facts;  ///< of each payload that is a host program
};

/// One delegated part of a method. `blob` is there for TensorRTBackend's alone; it is an error for a malformed one.
struct DelegateReport {
  const pte::DelegateInfo* info;
  bool registered;  ///< whether this process has the backend
  Status fits;      ///< whether compile specs and bindings are right, whatever the device
  std::optional<Result<BlobReport>> blob;
};

struct MethodReport {
  const pte::MethodInfo* info;
  std::vector<DelegateReport> delegates;
  std::optional<Status> loads;                      ///< none: not tried
  std::optional<program_facts::MethodFacts> facts;  ///< none: the file cannot be read so far
};

/// What a file holds: a program's methods, or one bare blob. Borrows the file's bytes and `program`.
struct FileReport {
  std::string path;
  std::uint64_t size = 0;
  std::optional<pte::ProgramInfo> program;
  std::vector<MethodReport> methods;
  std::optional<BlobReport> blob;
  std::vector<TensorRtReport> tensorrt;  ///< looked for when the file holds an engine of one of them
};

Result<BlobReport> look_into_blob(std::span<const std::byte> bytes, std::span<const Device> devices);

/// "cpu", "cuda" or "other"
const char* device_name(pte::Device device);

/// "keeps state, data-dependent outputs (aten::nonzero.out), external data (layer.weight)"; empty when there is nothing
/// of the kind.
std::string facts_text(const std::optional<program_facts::MethodFacts>& facts);

/// Largest power of two, up to a page, that divides `offset`.
std::uint64_t alignment_of(std::uint64_t offset);

std::string to_text(const FileReport& report);
nlohmann::ordered_json to_json(const FileReport& report);

}  // namespace etrt::cli
