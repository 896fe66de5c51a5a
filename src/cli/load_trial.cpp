#include <algorithm>
#include <unistd.h>

#include <executorch/extension/module/module.h>

#include <base/format.h>
#include <blob/format.h>
#include <cli/load_trial.h>
#include <cli/log_capture.h>
#include <cli/program_file.h>
#include <cli/session.h>
#include <cli/text.h>
#include <delegate/load/io_plan.h>
#include <etrt/options.h>
#include <etrt/stream.h>
#include <etrt/stream_guard.h>
#include <program_facts/program_facts.h>

namespace etrt::cli {
namespace {

namespace et = executorch::runtime;

bool plans_too_much(const pte::MethodInfo& method) {
  const std::int64_t limit = sysconf(_SC_PHYS_PAGES) / 2 * sysconf(_SC_PAGESIZE);
  std::int64_t total = 0;
  for (const std::int64_t size : method.planned_buffers) {
    if (size < 0 || size > limit - total) return true;
    total += size;
  }
  return false;
}

/// Whether the delegate loads a host program, and nothing else happens as it is loaded.
bool is_cheap(const DelegateReport& delegate) {
  if (!is_ours(*delegate.info)) return true;
  const auto& specs = delegate.info->compile_specs;
  const auto runs = [](const pte::CompileSpec& spec) { return spec.key == kOptionWarmUp; };
  if (!delegate.blob || !delegate.blob->ok() || std::any_of(specs.begin(), specs.end(), runs)) return false;
  for (const Verdict& verdict : (*delegate.blob)->verdicts) {
    const auto chosen = verdict.chosen();
    if (verdict.device.is_virtual()) return chosen && verdict.candidates[*chosen].kind == blob::kVariantProgram;
  }
  return false;
}

Status load(std::span<const std::byte> program, const pte::MethodInfo& info, const std::optional<MappedFile>& data) {
  et::BackendOptions<1> options;
  options.set_option(kOptionDevice, "virtual");
  et::LoadBackendOptionsMap map;
  static_cast<void>(map.set_options(kBackendId, options.view()));
  executorch::extension::Module module(loader_of(program), nullptr, nullptr, nullptr,
                                       data ? loader_of(data->bytes()) : nullptr);
  auto code = module.load(map, et::Program::Verification::InternalConsistency);
  if (code == et::Error::Ok) code = module.load_method(info.name);
  if (code == et::Error::Ok) return {};
  return LogCapture::instance().explain(base::concat("method '", printable(info.name), "' does not load"), code);
}

/// Names of what the program leaves to a file beside it.
std::string external_data(std::span<const std::byte> program) {
  constexpr std::size_t kMostNamed = 8;
  const auto facts = program_facts::read(program);
  const auto* method = facts.ok() ? facts->entry() : nullptr;
  if (method == nullptr) return {};
  std::string text;
  for (std::size_t i = 0; i < method->external_data.size(); ++i) {
    if (i == kMostNamed) return text + ", …";
    text += base::concat(i > 0 ? ", '" : "'", printable(method->external_data[i]), "'");
  }
  return text;
}

}  // namespace

PayloadTrial try_payload(const blob::BlobView& blob, const delegate::Candidate& candidate, const Device& device) {
  if (const auto names = external_data(candidate.payload); !names.empty()) {
    return {Error(ErrorCode::kNotSupported,
                  base::concat("nested program: its weights ", names,
                               " are in a .ptd file, which a nested program cannot have: export it with its weights")),
            false,
            {}};
  }
  static_cast<void>(LogCapture::instance().take_errors());
  auto engine = candidate.loader->load(device.native(), candidate.payload, {});
  const Reasons reasons = LogCapture::instance().take_reasons();
  if (!engine.ok()) {
    const Error& error = engine.error();
    return {Error(error.code(), base::concat(error.message(), reasons.text.empty() ? "" : ": ", reasons.text)),
            reasons.lacks_code || error.code() == ErrorCode::kNotFound,
            {}};
  }
  auto plan = delegate::IoPlan::create(blob.metadata(), **engine, false);
  return {{}, false, plan.ok() ? Status() : std::move(plan).error()};
}

std::optional<Status> try_method(std::span<const std::byte> program, const MethodReport& method,
                                 const std::optional<MappedFile>& data) {
  const auto& delegates = method.delegates;
  if (plans_too_much(*method.info) || !std::all_of(delegates.begin(), delegates.end(), is_cheap)) return std::nullopt;
  static_cast<void>(LogCapture::instance().take_errors());
  const auto device = Device::open("virtual");
  if (!device.ok()) return std::nullopt;
  // Memory labelled CUDA is the virtual GPU's then, on a machine with a GPU as well.
  const auto stream = Stream::create(*device);
  if (!stream.ok()) return std::nullopt;
  const StreamGuard guard(stream->get());
  return load(program, *method.info, data);
}

}  // namespace etrt::cli
