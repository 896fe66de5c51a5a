#include <nlohmann/json.hpp>

#include <cli/inspect_report.h>

namespace etrt::cli {
namespace {

using Json = nlohmann::ordered_json;

const char* dynamism_name(pte::Dynamism dynamism) {
  switch (dynamism) {
    case pte::Dynamism::kStatic:
      return "static";
    case pte::Dynamism::kBounded:
      return "bounded";
    case pte::Dynamism::kUnbounded:
      break;
  }
  return "unbounded";
}

Json value_json(const pte::ValueInfo& value) {
  if (value.kind != "Tensor") return {{"kind", value.kind}};
  const pte::TensorInfo& tensor = value.tensor;
  return {{"kind", value.kind},
          {"dtype", tensor.dtype},
          {"shape", tensor.sizes},
          {"dynamism", dynamism_name(tensor.dynamism)},
          {"dim_order", std::vector<int>(tensor.dim_order.begin(), tensor.dim_order.end())},
          {"device", device_name(tensor.device)},
          {"device_index", tensor.device_index},
          {"planned", tensor.planned}};
}

Json values_json(const std::vector<pte::ValueInfo>& values) {
  Json list = Json::array();
  for (const pte::ValueInfo& value : values) list.push_back(value_json(value));
  return list;
}

Json binding_json(const blob::Binding& binding) {
  Json entry{
      {"name", binding.name}, {"dtype", binding.dtype}, {"shape", binding.shape}, {"is_input", binding.is_input}};
  if (!binding.min_shape.empty()) entry["min_shape"] = binding.min_shape;
  if (!binding.max_shape.empty()) entry["max_shape"] = binding.max_shape;
  if (!binding.dim_order.empty()) {
    entry["dim_order"] = std::vector<int>(binding.dim_order.begin(), binding.dim_order.end());
  }
  return entry;
}

/// What runs again and again may depend on; nothing where that is not known.
void add_facts(Json& entry, const std::optional<program_facts::MethodFacts>& facts) {
  if (!facts) return;
  entry["keeps_state"] = facts->keeps_state;
  entry["data_dependent"] = facts->data_dependent;
  entry["external_data"] = facts->external_data;
}

Json payloads_json(const BlobReport& blob) {
  Json list = Json::array();
  const std::vector<blob::Variant> payloads = blob.view.candidates();
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    Json entry{{"kind", payloads[i].kind},
               {"target", payloads[i].target},
               {"offset", payloads[i].offset},
               {"size", payloads[i].size},
               {"devices", Json::array()}};
    for (const Verdict& verdict : blob.verdicts) {
      const delegate::Candidate& candidate = verdict.candidates[i];
      entry["kind"] = candidate.kind;
      Json answer{{"device", verdict.device.name()}, {"runs", candidate.runs.ok()}};
      if (!candidate.runs.ok()) answer["why_not"] = candidate.runs.error().message();
      entry["devices"].push_back(std::move(answer));
    }
    if (i < blob.facts.size()) add_facts(entry, blob.facts[i]);
    list.push_back(std::move(entry));
  }
  return list;
}

/// Which payload runs where, by its place in "payloads"; null where none does.
Json chosen_json(const BlobReport& blob) {
  Json chosen = Json::object();
  for (const Verdict& verdict : blob.verdicts) {
    const auto index = verdict.chosen();
    chosen[verdict.device.name()] = index ? Json(*index) : Json(nullptr);
  }
  return chosen;
}

Json blob_json(const BlobReport& blob) {
  const blob::Metadata& metadata = blob.view.metadata();
  Json bindings = Json::array();
  for (const blob::Binding& binding : metadata.io_bindings) bindings.push_back(binding_json(binding));
  Json aliases = Json::array();
  for (const blob::AliasedIo& pair : metadata.aliased_io) {
    aliases.push_back({{"output", pair.output}, {"input", pair.input}, {"kind", pair.kind}});
  }
  return {{"magic", blob.header.magic},
          {"size", blob.bytes.size()},
          {"metadata_offset", blob.header.metadata_offset},
          {"metadata_size", blob.header.metadata_size},
          {"engine_offset", blob.header.engine_offset},
          {"engine_size", blob.header.engine_size},
          {"device_id", metadata.device_id},
          {"hardware_compatible", metadata.hardware_compatible},
          {"target_platform", metadata.target_platform},
          {"io_bindings", std::move(bindings)},
          {"aliased_io", std::move(aliases)},
          {"payloads", payloads_json(blob)},
          {"chosen", chosen_json(blob)}};
}

Json delegate_json(const DelegateReport& delegate) {
  const pte::DelegateInfo& info = *delegate.info;
  Json specs = Json::array();
  for (const pte::CompileSpec& spec : info.compile_specs) specs.push_back({{"key", spec.key}, {"value", spec.value}});
  Json entry{{"id", info.id},
             {"registered", delegate.registered},
             {"offset", info.offset},
             {"size", info.data.size},
             {"alignment", alignment_of(info.offset)},
             {"segment", nullptr},
             {"compile_specs", std::move(specs)}};
  if (info.segment != pte::DelegateInfo::kInline) entry["segment"] = info.segment;
  if (delegate.blob && delegate.blob->ok()) entry["blob"] = blob_json(**delegate.blob);
  if (delegate.blob && !delegate.blob->ok()) entry["error"] = delegate.blob->error().message();
  if (!delegate.fits.ok()) entry["error"] = delegate.fits.error().message();
  return entry;
}

Json method_json(const MethodReport& method) {
  Json delegates = Json::array();
  for (const DelegateReport& delegate : method.delegates) delegates.push_back(delegate_json(delegate));
  Json entry{{"name", method.info->name},
             {"instructions", method.info->instructions},
             {"planned_buffers", method.info->planned_buffers},
             {"inputs", values_json(method.info->inputs)},
             {"outputs", values_json(method.info->outputs)},
             {"loads", nullptr},
             {"delegates", std::move(delegates)}};
  add_facts(entry, method.facts);
  if (method.loads) entry["loads"] = method.loads->ok();
  if (method.loads && !method.loads->ok()) entry["why_not"] = method.loads->error().message();
  return entry;
}

}  // namespace

nlohmann::ordered_json to_json(const FileReport& report) {
  Json document{{"file", report.path}, {"size", report.size}};
  if (!report.tensorrt.empty()) document["tensorrt"] = tensorrt_json(report.tensorrt);
  if (report.blob) {
    document["kind"] = "blob";
    document["blob"] = blob_json(*report.blob);
    return document;
  }
  document["kind"] = "program";
  document["program_size"] = report.program->program_size;
  document["segments"] = report.program->segments;
  document["methods"] = Json::array();
  for (const MethodReport& method : report.methods) document["methods"].push_back(method_json(method));
  return document;
}

}  // namespace etrt::cli
