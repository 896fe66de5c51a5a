#include <span>

#include <base/format.h>
#include <base/try.h>
#include <blob/blob_writer.h>
#include <blob/format.h>
#include <blob/metadata_json.h>
#include <etrt/pte.h>
#include <pte/invalid_argument.h>
#include <pte/io_spec.h>
#include <pte/nested_program.h>
#include <pte/payloads.h>
#include <pte/program_image.h>

namespace etrt::pte {
namespace {

constexpr std::size_t kMaxMethodName = 256;
constexpr std::size_t kMaxCompileSpecs = 256;
constexpr std::size_t kMaxCompileSpecSize = std::size_t{1} << 20;

Status check_c_string(const std::string& text, const char* what) {
  if (text.empty()) return invalid_argument(what, " is empty");
  if (text.size() > kMaxMethodName)
    return invalid_argument(what, " has ", text.size(), " bytes, at most ", kMaxMethodName);
  if (text.find('\0') != std::string::npos) return invalid_argument(what, " contains a NUL");
  return {};
}

Status check_options(const WriteOptions& options) {
  ETRT_TRY(check_c_string(options.method, "the method's name"));
  if (options.cuda_device < 0)
    return invalid_argument("cuda_device is ", int{options.cuda_device}, ", must be at least 0");
  if (options.compile_specs.size() > kMaxCompileSpecs) {
    return invalid_argument(options.compile_specs.size(), " compile specs, at most ", kMaxCompileSpecs, " are allowed");
  }
  for (const CompileSpec& spec : options.compile_specs) {
    ETRT_TRY(check_c_string(spec.key, "the key of a compile spec"));
    if (spec.value.size() > kMaxCompileSpecSize) {
      return invalid_argument("compile spec ", spec.key, " has ", spec.value.size(), " bytes, at most ",
                              kMaxCompileSpecSize);
    }
  }
  return {};
}

Result<blob::Metadata> describe(const std::vector<Payload>& payloads, const WriteOptions& options) {
  blob::Metadata metadata;
  bool described = !options.io.empty();
  if (described) {
    auto read = blob::metadata_from_json(options.io);
    if (!read.ok()) return invalid_argument("the I/O description is not usable: ", read.error().message());
    metadata = *std::move(read);
    metadata.variants.clear();
  }
  for (const Payload& payload : payloads) {
    if (payload.kind != blob::kVariantProgram) continue;
    ETRT_TRY_ASSIGN(auto own, bindings_of_program(payload.bytes));
    if (!described) metadata.io_bindings = own;
    described = true;
    ETRT_TRY(fit_program(own, metadata.io_bindings));
  }
  if (!described)
    return invalid_argument("an engine alone does not say what it takes and gives: options.io is required");
  return metadata;
}

Result<std::vector<std::byte>> make_blob(const blob::Metadata& metadata, const std::vector<Payload>& payloads) {
  std::span<const std::byte> engine;
  std::vector<blob::Payload> listed;
  for (const Payload& payload : payloads) {
    const auto bytes = as_span(payload.bytes);
    if (engine.empty() && payload.kind != blob::kVariantProgram) engine = bytes;
    if (!payload.kind.empty()) listed.push_back({payload.kind, payload.target, bytes});
  }
  return blob::write_blob(metadata, engine, listed);
}

}  // namespace

Result<std::vector<std::byte>> write(const std::vector<Payload>& payloads, const WriteOptions& options) {
  ETRT_TRY(check_options(options));
  ETRT_TRY(check_payloads(payloads));
  ETRT_TRY_ASSIGN(const blob::Metadata metadata, describe(payloads, options));
  ETRT_TRY_ASSIGN(const IoSpec io, make_io_spec(metadata.io_bindings));
  ETRT_TRY_ASSIGN(const auto blob, make_blob(metadata, payloads));
  return make_program_image(io, blob, options);
}

}  // namespace etrt::pte
