// etrt pack: makes a program for TensorRTBackend out of engines and host programs.

#include <base/format.h>
#include <base/try.h>
#include <cli/commands.h>
#include <cli/file.h>
#include <cli/output.h>
#include <cli/table.h>
#include <cli/tensors.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

std::string summary(const PackOptions& options, const std::vector<MappedFile>& files, const pte::MethodInfo& method,
                    std::size_t size) {
  std::string text = base::concat(printable(options.output, kShownPath), ": ", bytes_text(size), ", method ",
                                  printable(method.name), options.cuda_io ? ", inputs and outputs on CUDA" : "", "\n");
  Table values({{"value"}, {"type"}, {"shape"}});
  const auto add = [&](const char* side, const std::vector<pte::ValueInfo>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      values.add_row(
          {base::concat(side, " ", i), printable(all[i].tensor.dtype), printable(bound_text(all[i].tensor))});
    }
  };
  add("input", method.inputs);
  add("output", method.outputs);
  Table payloads({{"payload"}, {"kind"}, {"target"}, {"bytes", Align::kRight}, {"from"}});
  for (std::size_t i = 0; i < files.size(); ++i) {
    const PackOptions::Variant& variant = options.variants[i];
    payloads.add_row({std::to_string(i), variant.kind, printable(variant.target),
                      std::to_string(files[i].bytes().size()), printable(variant.path, kShownPath)});
  }
  return text + values.to_string(2) + "\n" + payloads.to_string(2);
}

}  // namespace

Status command_pack(const PackOptions& options) {
  pte::WriteOptions write_options;
  if (!options.io.empty()) {
    ETRT_TRY_ASSIGN(const MappedFile io, MappedFile::open(options.io));
    write_options.io.assign(reinterpret_cast<const char*>(io.bytes().data()), io.bytes().size());
  }
  write_options.method = options.method;
  write_options.cuda_io = options.cuda_io;
  write_options.outputs = options.caller_outputs ? pte::OutputMemory::kCaller : pte::OutputMemory::kPlanned;
  write_options.compile_specs = options.compile_specs;

  std::vector<MappedFile> files;
  std::vector<pte::Payload> payloads;
  for (const PackOptions::Variant& variant : options.variants) {
    ETRT_TRY_ASSIGN(MappedFile file, MappedFile::open(variant.path));
    payloads.push_back({variant.kind, variant.target, {file.bytes().data(), file.bytes().size()}});
    files.push_back(std::move(file));
  }
  auto written = pte::write(payloads, write_options);
  if (!written.ok()) return std::move(written).error().within("cannot pack '" + options.output + "'");
  // What is reported is what a reader will find.
  ETRT_TRY_ASSIGN(const pte::ProgramInfo info, pte::inspect(*written));
  ETRT_TRY(write_file(options.output, *written));
  return print(summary(options, files, info.methods.front(), written->size()));
}

}  // namespace etrt::cli
