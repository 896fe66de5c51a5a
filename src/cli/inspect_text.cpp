#include <algorithm>

#include <base/format.h>
#include <blob/blob.h>
#include <blob/format.h>
#include <cli/inspect_report.h>
#include <cli/table.h>
#include <cli/tensors.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

/// So much of any list is shown; --json has all of it.
constexpr std::size_t kMaxRows = 64;
constexpr std::size_t kReason = 600;
constexpr std::size_t kMaxNames = 8;

std::string more_text(std::size_t count, std::size_t indent) {
  if (count <= kMaxRows) return {};
  return base::concat(std::string(indent, ' '), "… and ", count - kMaxRows, " more: see --json\n");
}

std::string device_text(const pte::TensorInfo& tensor) {
  const char* name = device_name(tensor.device);
  return tensor.device == pte::Device::kCuda ? base::concat(name, ":", int{tensor.device_index}) : name;
}

std::string values_text(const std::vector<pte::ValueInfo>& values, const char* side, Table& table) {
  for (std::size_t i = 0; i < std::min(values.size(), kMaxRows); ++i) {
    const pte::ValueInfo& value = values[i];
    const std::string name = base::concat(side, " ", i);
    if (value.kind != "Tensor") {
      table.add_row({name, printable(value.kind)});
      continue;
    }
    table.add_row({name, printable(value.tensor.dtype), printable(bound_text(value.tensor)), device_text(value.tensor),
                   value.tensor.planned ? "planned" : "caller's"});
  }
  return more_text(values.size(), 4);
}

/// "[-1, 10]" with its bounds: "[≤64, 10]", "[2..64, 10]"; "up to [64, 10]" where every extent may be smaller.
std::string binding_shape(const blob::Binding& binding) {
  const bool all_dynamic = std::all_of(binding.shape.begin(), binding.shape.end(),
                                       [](std::int64_t size) { return size == blob::kDynamicDim; });
  if (all_dynamic && !binding.max_shape.empty() && binding.min_shape.empty()) {
    return "up to " + shape_text(binding.max_shape);
  }
  std::string text = "[";
  for (std::size_t i = 0; i < binding.shape.size(); ++i) {
    text += i > 0 ? ", " : "";
    if (binding.shape[i] >= 0) {
      text += std::to_string(binding.shape[i]);
    } else if (i >= binding.max_shape.size()) {
      text += "any";
    } else if (i < binding.min_shape.size()) {
      text += base::concat(binding.min_shape[i], "..", binding.max_shape[i]);
    } else {
      text += base::concat("≤", binding.max_shape[i]);
    }
  }
  return text + "]";
}

std::string bindings_text(const blob::Metadata& metadata, std::size_t indent) {
  Table table({{"binding"}, {"direction"}, {"type"}, {"shape"}, {"alias of"}});
  for (std::size_t i = 0; i < std::min(metadata.io_bindings.size(), kMaxRows); ++i) {
    const blob::Binding& binding = metadata.io_bindings[i];
    std::string alias;
    for (const blob::AliasedIo& pair : metadata.aliased_io) {
      if (pair.output == binding.name) alias = base::concat(printable(pair.input), " (", printable(pair.kind), ")");
    }
    const bool from_engine = binding.dtype.empty();
    table.add_row({printable(binding.name), binding.is_input ? "input" : "output",
                   from_engine ? "the engine's" : printable(binding.dtype),
                   from_engine ? "the engine's" : printable(binding_shape(binding)), alias});
  }
  return table.to_string(indent) + more_text(metadata.io_bindings.size(), indent);
}

std::string names_text(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxNames); ++i) {
    text += base::concat(i > 0 ? ", " : "", printable(names[i]));
  }
  return names.size() > kMaxNames ? text + ", …" : text;
}

std::string chosen_text(const Verdict& verdict) {
  const auto index = verdict.chosen();
  if (!index) return verdict.device.name() + " runs none of them";
  return base::concat(verdict.device.name(), " runs payload ", *index, ", the first that it can");
}

std::string payloads_text(const BlobReport& blob, std::size_t indent) {
  const std::string space(indent, ' ');
  const std::vector<blob::Variant> payloads = blob.view.candidates();
  if (payloads.empty()) return space + "nothing to run: neither an engine nor a variant\n";
  std::vector<Table::Column> columns{
      {"payload"}, {"kind"}, {"target"}, {"bytes", Align::kRight}, {"at", Align::kRight}};
  for (const Verdict& verdict : blob.verdicts) columns.push_back({"on " + verdict.device.name()});
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < std::min(payloads.size(), kMaxRows); ++i) {
    const auto& kind = blob.verdicts.empty() ? payloads[i].kind : blob.verdicts[0].candidates[i].kind;
    rows.push_back({std::to_string(i), printable(kind), printable(payloads[i].target), std::to_string(payloads[i].size),
                    std::to_string(payloads[i].offset)});
  }
  std::string chosen;
  std::string reasons;
  for (const Verdict& verdict : blob.verdicts) {
    chosen += base::concat(space, chosen_text(verdict), "\n");
    const auto chosen_index = verdict.chosen();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Status& runs = verdict.candidates[i].runs;
      rows[i].emplace_back(!runs.ok() ? "no" : chosen_index == i ? "runs" : "could");
      if (runs.ok()) continue;
      reasons += base::concat(space, "payload ", i, " not on ", verdict.device.name(), ": ",
                              printable(runs.error().message(), kReason), "\n");
    }
  }
  for (std::size_t i = 0; i < std::min(blob.facts.size(), rows.size()); ++i) {
    const std::string facts = facts_text(blob.facts[i]);
    if (!facts.empty()) chosen += base::concat(space, "payload ", i, ": ", facts, "\n");
  }
  Table table(columns);
  for (auto& row : rows) table.add_row(std::move(row));
  return table.to_string(indent) + more_text(payloads.size(), indent) + chosen + reasons;
}

std::string blob_text(const BlobReport& blob, std::size_t indent) {
  const std::string space(indent, ' ');
  const blob::Metadata& metadata = blob.view.metadata();
  std::string text = base::concat(space, "blob ", blob.header.magic, ": metadata of ", blob.header.metadata_size,
                                  " bytes at ", blob.header.metadata_offset, ", ");
  text += blob.header.engine_size == 0
              ? "no engine in the main place"
              : base::concat("engine of ", blob.header.engine_size, " bytes at ", blob.header.engine_offset);
  text += base::concat("; device ", metadata.device_id, ", platform ",
                       metadata.target_platform.empty() ? "not given" : printable(metadata.target_platform),
                       metadata.hardware_compatible ? ", hardware compatible" : "", "\n");
  return text + bindings_text(metadata, indent) + payloads_text(blob, indent);
}

std::string delegate_text(const DelegateReport& delegate, std::size_t index) {
  const pte::DelegateInfo& info = *delegate.info;
  std::string text = base::concat(
      "\n  delegate ", index, ": ", printable(info.id), ", ", bytes_text(info.data.size), " at ", info.offset,
      " (aligned to ", alignment_of(info.offset), "), ",
      info.segment == pte::DelegateInfo::kInline ? "inline" : base::concat("segment ", info.segment), "\n");
  if (!delegate.registered) text += "    no such backend in this etrt, so the method cannot run here\n";
  for (std::size_t i = 0; i < std::min(info.compile_specs.size(), kMaxRows); ++i) {
    const pte::CompileSpec& spec = info.compile_specs[i];
    text += base::concat("    compile spec ", printable(spec.key), " = \"", printable(spec.value), "\"\n");
  }
  text += more_text(info.compile_specs.size(), 4);
  if (delegate.blob && delegate.blob->ok()) text += blob_text(**delegate.blob, 4);
  if (delegate.blob && !delegate.blob->ok()) {
    text += base::concat("    malformed: ", printable(delegate.blob->error().message(), kReason), "\n");
  }
  if (!delegate.fits.ok()) {
    text += base::concat("    refused: ", printable(delegate.fits.error().message(), kReason), "\n");
  }
  return text;
}

std::string method_text(const MethodReport& method) {
  const pte::MethodInfo& info = *method.info;
  std::int64_t planned = 0;
  for (const std::int64_t size : info.planned_buffers) {
    if (__builtin_add_overflow(planned, std::max<std::int64_t>(size, 0), &planned)) planned = INT64_MAX;
  }
  std::string text = base::concat("\nmethod ", printable(info.name), ": ", count_text(info.instructions, "instruction"),
                                  ", ", count_text(info.delegates.size(), "delegate"), ", plans ",
                                  bytes_text(static_cast<std::uint64_t>(planned)), "\n");
  Table table({{"value"}, {"type"}, {"shape"}, {"device"}, {"memory"}});
  const std::string more_inputs = values_text(info.inputs, "input", table);
  const std::string more_outputs = values_text(info.outputs, "output", table);
  text += table.to_string(2) + more_inputs + more_outputs;
  if (const std::string facts = facts_text(method.facts); !facts.empty()) text += "  " + facts + "\n";
  if (method.loads && !method.loads->ok()) {
    text += base::concat("  ", printable(method.loads->error().message(), kReason), "\n");
  }
  for (std::size_t i = 0; i < std::min(method.delegates.size(), kMaxRows); ++i) {
    text += delegate_text(method.delegates[i], i);
  }
  return text + more_text(method.delegates.size(), 2);
}

/// What this machine has for the file's TensorRT engines.
std::string here_text(const FileReport& report) {
  return report.tensorrt.empty() ? "" : "\nhere\n" + tensorrt_text(report.tensorrt, 2);
}

}  // namespace

std::string facts_text(const std::optional<program_facts::MethodFacts>& facts) {
  std::string text;
  if (!facts) return text;
  const auto add = [&](const auto&... parts) { text += base::concat(text.empty() ? "" : ", ", parts...); };
  if (facts->keeps_state) add("keeps state");
  if (!facts->data_dependent.empty()) add("data-dependent outputs (", names_text(facts->data_dependent), ")");
  if (!facts->external_data.empty()) add("external data (", names_text(facts->external_data), ")");
  return text;
}

std::string to_text(const FileReport& report) {
  std::string text = printable(report.path, kShownPath);
  if (report.blob) {
    return text + base::concat(": TensorRT delegate blob, ", bytes_text(report.size), "\n") +
           blob_text(*report.blob, 2) + here_text(report);
  }
  text +=
      base::concat(": ExecuTorch program, ", bytes_text(report.size), ", ", count_text(report.methods.size(), "method"),
                   ", ", count_text(report.program->segments, "segment"), "\n");
  for (std::size_t i = 0; i < std::min(report.methods.size(), kMaxRows); ++i) text += method_text(report.methods[i]);
  return text + more_text(report.methods.size(), 0) + here_text(report);
}

}  // namespace etrt::cli
