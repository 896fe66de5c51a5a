// etrt pack: makes a program for TensorRTBackend out of engines and host programs, or adds them to one.

#include <algorithm>

#include <base/format.h>
#include <base/try.h>
#include <blob/blob.h>
#include <blob/format.h>
#include <cli/commands.h>
#include <cli/delegate_choices.h>
#include <cli/file.h>
#include <cli/load_trial.h>
#include <cli/output.h>
#include <cli/program_file.h>
#include <cli/table.h>
#include <cli/tensors.h>
#include <cli/text.h>
#include <delegate/load/options.h>
#include <delegate/load/variant_selection.h>

namespace etrt::cli {
namespace {

/// The variants' files, which the payloads borrow.
struct Payloads {
  std::vector<MappedFile> files;
  std::vector<pte::Payload> payloads;
};

Result<Payloads> open_payloads(const PackOptions& options) {
  Payloads all;
  for (const PackOptions::Variant& variant : options.variants) {
    ETRT_TRY_ASSIGN(MappedFile file, MappedFile::open(variant.path));
    all.payloads.push_back({variant.kind, variant.target, {file.bytes().data(), file.bytes().size()}});
    all.files.push_back(std::move(file));
  }
  return all;
}

Table payload_table() {
  return Table({{"payload"}, {"kind"}, {"target"}, {"bytes", Align::kRight}, {"from"}});
}

std::string values_text(const pte::MethodInfo& method) {
  Table values({{"value"}, {"type"}, {"shape"}});
  const auto add = [&](const char* side, const std::vector<pte::ValueInfo>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      values.add_row(
          {base::concat(side, " ", i), printable(all[i].tensor.dtype), printable(bound_text(all[i].tensor))});
    }
  };
  add("input", method.inputs);
  add("output", method.outputs);
  return values.to_string(2);
}

std::string new_payloads_text(const PackOptions& options, const Payloads& all) {
  Table table = payload_table();
  for (std::size_t i = 0; i < all.files.size(); ++i) {
    const PackOptions::Variant& variant = options.variants[i];
    table.add_row({std::to_string(i), variant.kind, printable(variant.target),
                   std::to_string(all.files[i].bytes().size()), printable(variant.path, kShownPath)});
  }
  return table.to_string(2);
}

/// Refuses host programs that no process could load, among the last `count` payloads. What an application may have, and
/// this etrt lacks, is noted.
Status try_programs(const pte::DelegateInfo& delegate, std::size_t count) {
  ETRT_TRY_ASSIGN(const blob::BlobView blob, blob::BlobView::parse(blob_of(delegate)));
  ETRT_TRY_ASSIGN(const Device device, Device::open("virtual"));
  const std::vector<delegate::Candidate> candidates = delegate::examine(blob, device.native());
  for (std::size_t i = candidates.size() - std::min(count, candidates.size()); i < candidates.size(); ++i) {
    if (!candidates[i].runs.ok() || candidates[i].kind != blob::kVariantProgram) continue;
    PayloadTrial trial = try_payload(blob, candidates[i], device);
    const std::string what = base::concat("payload ", i);
    if (trial.lacks_code) {
      print_note(base::concat(what, " does not load in this etrt: ", trial.loads.error().message()));
      continue;
    }
    if (!trial.loads.ok()) return std::move(trial.loads).error().within(what);
    if (!trial.fits.ok()) return std::move(trial.fits).error().within(what);
  }
  return {};
}

/// Refuses compile specs that the delegate would refuse.
Status check_specs(const std::vector<pte::CompileSpec>& specs) {
  ETRT_TRY(delegate_options({}, specs));
  for (const pte::CompileSpec& spec : specs) {
    if (delegate::is_known_spec(spec.key)) continue;
    print_note(base::concat("compile spec '", printable(spec.key), "' is unknown to this etrt, which passes it over"));
  }
  return {};
}

Status pack_new(const PackOptions& options, const Payloads& all) {
  pte::WriteOptions write_options;
  if (!options.io.empty()) {
    ETRT_TRY_ASSIGN(const MappedFile io, MappedFile::open(options.io));
    write_options.io.assign(reinterpret_cast<const char*>(io.bytes().data()), io.bytes().size());
  }
  if (!options.method.empty()) write_options.method = options.method;
  write_options.cuda_io = options.cuda_io;
  write_options.outputs = options.caller_outputs ? pte::OutputMemory::kCaller : pte::OutputMemory::kPlanned;
  write_options.compile_specs = options.compile_specs;
  ETRT_TRY(check_specs(options.compile_specs));
  auto written = pte::write(all.payloads, write_options);
  if (!written.ok()) return std::move(written).error().within("cannot pack '" + options.output + "'");
  // What is reported is what a reader will find.
  ETRT_TRY_ASSIGN(const pte::ProgramInfo info, pte::inspect(*written));
  const pte::MethodInfo& method = info.methods.front();
  if (Status loads = try_programs(method.delegates.front(), all.payloads.size()); !loads.ok()) {
    return std::move(loads).error().within("cannot pack '" + options.output + "'");
  }
  ETRT_TRY(write_file(options.output, *written));
  return print(base::concat(printable(options.output, kShownPath), ": ", bytes_text(written->size()), ", method ",
                            printable(method.name), options.cuda_io ? ", inputs and outputs on CUDA" : "", "\n",
                            values_text(method), "\n", new_payloads_text(options, all)));
}

/// All payloads of a delegate; the last ones are those that were added.
Result<std::string> all_payloads_text(const PackOptions& options, const pte::DelegateInfo& delegate) {
  ETRT_TRY_ASSIGN(const blob::BlobView blob, blob::BlobView::parse(blob_of(delegate)));
  const std::vector<blob::Variant> candidates = blob.candidates();
  const std::size_t old = candidates.size() - options.variants.size();
  Table table = payload_table();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::string& from = i < old ? options.input : options.variants[i - old].path;
    const std::string kind = candidates[i].kind.empty() ? "engine" : candidates[i].kind;
    table.add_row({std::to_string(i), printable(kind), printable(candidates[i].target),
                   std::to_string(candidates[i].size), printable(from, kShownPath)});
  }
  return table.to_string(2);
}

/// A delegate, by its place in a method.
struct Place {
  const pte::MethodInfo* method;
  std::size_t delegate;
};

/// The delegate that has grown is the one that the variants were added to.
Result<Place> find_grown(const pte::ProgramInfo& before, const pte::ProgramInfo& after) {
  for (std::size_t m = 0; m < after.methods.size(); ++m) {
    const pte::MethodInfo& method = after.methods[m];
    for (std::size_t d = 0; d < method.delegates.size(); ++d) {
      if (method.delegates[d].data.size != before.methods[m].delegates[d].data.size) return Place{&method, d};
    }
  }
  return Error(ErrorCode::kInternal, "no delegate has changed");
}

Status rewrite(const PackOptions& options, const Payloads& all) {
  ETRT_TRY_ASSIGN(const ProgramFile program, ProgramFile::open(options.input));
  pte::DelegateChoice choice{options.method, std::nullopt};
  if (options.delegate) choice.delegate = static_cast<std::size_t>(*options.delegate);
  auto written = pte::add_variants({program.bytes().data(), program.bytes().size()}, all.payloads, choice);
  if (!written.ok()) return std::move(written).error().within("cannot add to '" + options.input + "'");
  ETRT_TRY_ASSIGN(const pte::ProgramInfo info, pte::inspect(*written));
  ETRT_TRY_ASSIGN(const Place grown, find_grown(program.info(), info));
  const pte::DelegateInfo& delegate = grown.method->delegates[grown.delegate];
  if (Status loads = try_programs(delegate, options.variants.size()); !loads.ok()) {
    return std::move(loads).error().within("cannot add to '" + options.input + "'");
  }
  ETRT_TRY_ASSIGN(const std::string payloads, all_payloads_text(options, delegate));
  ETRT_TRY(write_file(options.output, *written));
  return print(base::concat(printable(options.output, kShownPath), ": ", bytes_text(written->size()), ", method ",
                            printable(grown.method->name), ", delegate ", grown.delegate, "\n", payloads));
}

}  // namespace

Status command_pack(const PackOptions& options) {
  ETRT_TRY_ASSIGN(const Payloads all, open_payloads(options));
  return options.input.empty() ? pack_new(options, all) : rewrite(options, all);
}

}  // namespace etrt::cli
