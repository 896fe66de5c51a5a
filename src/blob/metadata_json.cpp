#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <blob/json_fields.h>
#include <blob/metadata_json.h>
#include <blob/metadata_rules.h>

namespace etrt::blob {
namespace {

Result<Binding> read_binding(const Json& value, std::string path) {
  ETRT_TRY_ASSIGN(const JsonFields fields, JsonFields::create(value, std::move(path)));
  Binding binding;
  ETRT_TRY(fields.require("name"));
  ETRT_TRY(fields.read("name", binding.name));
  ETRT_TRY(fields.read("dtype", binding.dtype));
  ETRT_TRY(fields.read("shape", binding.shape, kMaxRank));
  ETRT_TRY(fields.require("is_input"));
  ETRT_TRY(fields.read("is_input", binding.is_input));
  ETRT_TRY(fields.read("min_shape", binding.min_shape, kMaxRank));
  ETRT_TRY(fields.read("max_shape", binding.max_shape, kMaxRank));
  ETRT_TRY(fields.read("dim_order", binding.dim_order, kMaxRank));
  binding.extra = fields.others({"name", "dtype", "shape", "is_input", "min_shape", "max_shape", "dim_order"});
  return binding;
}

Result<AliasedIo> read_alias(const Json& value, std::string path) {
  ETRT_TRY_ASSIGN(const JsonFields fields, JsonFields::create(value, std::move(path)));
  AliasedIo alias;
  ETRT_TRY(fields.require("output"));
  ETRT_TRY(fields.read("output", alias.output));
  ETRT_TRY(fields.require("input"));
  ETRT_TRY(fields.read("input", alias.input));
  ETRT_TRY(fields.read("kind", alias.kind));
  // Both readers of pytorch/TensorRT take an absent kind for the one that TensorRT itself enforces.
  if (alias.kind.empty()) alias.kind = kAliasKvCacheUpdate;
  return alias;
}

Result<Variant> read_variant(const Json& value, std::string path) {
  ETRT_TRY_ASSIGN(const JsonFields fields, JsonFields::create(value, std::move(path)));
  Variant variant;
  for (const char* key : {"kind", "offset", "size"}) ETRT_TRY(fields.require(key));
  ETRT_TRY(fields.read("kind", variant.kind));
  ETRT_TRY(fields.read("target", variant.target));
  ETRT_TRY(fields.read("offset", variant.offset));
  ETRT_TRY(fields.read("size", variant.size));
  return variant;
}

template <class T>
Status read_list(const JsonFields& fields, const char* key, std::size_t limit,
                 Result<T> (*read_one)(const Json&, std::string), std::vector<T>& out) {
  ETRT_TRY_ASSIGN(const Json* list, fields.array(key, limit));
  if (list == nullptr) return {};
  out.reserve(list->size());
  for (std::size_t i = 0; i < list->size(); ++i) {
    ETRT_TRY_ASSIGN(T one, read_one((*list)[i], base::concat(fields.name_of(key), "[", i, "]")));
    out.push_back(std::move(one));
  }
  return {};
}

Result<Json> write_binding(const Binding& binding) {
  Json object{
      {"name", binding.name}, {"dtype", binding.dtype}, {"shape", binding.shape}, {"is_input", binding.is_input}};
  if (!binding.min_shape.empty()) object["min_shape"] = binding.min_shape;
  if (!binding.max_shape.empty()) object["max_shape"] = binding.max_shape;
  if (!binding.dim_order.empty()) object["dim_order"] = binding.dim_order;
  ETRT_TRY(merge_extra(object, binding.extra, "extra of binding " + binding.name));
  return object;
}

}  // namespace

Result<Metadata> metadata_from_json(std::string_view text) {
  ETRT_TRY_ASSIGN(const Json json, parse_json(text, "metadata"));
  ETRT_TRY_ASSIGN(const JsonFields fields, JsonFields::create(json, ""));
  Metadata metadata;
  ETRT_TRY(fields.require("io_bindings"));
  ETRT_TRY(read_list(fields, "io_bindings", kMaxBindings, read_binding, metadata.io_bindings));
  ETRT_TRY(read_list(fields, "aliased_io", kMaxBindings, read_alias, metadata.aliased_io));
  ETRT_TRY(fields.read("hardware_compatible", metadata.hardware_compatible));
  ETRT_TRY(fields.read("device_id", metadata.device_id));
  ETRT_TRY(fields.read("serialized_metadata", metadata.serialized_metadata));
  ETRT_TRY(fields.read("target_platform", metadata.target_platform));
  ETRT_TRY(read_list(fields, "variants", kMaxVariants, read_variant, metadata.variants));
  metadata.extra = fields.others({"io_bindings", "aliased_io", "hardware_compatible", "device_id",
                                  "serialized_metadata", "target_platform", "variants"});
  ETRT_TRY(check_metadata(metadata));
  return metadata;
}

Result<std::string> metadata_to_json(const Metadata& metadata) {
  Json bindings = Json::array();
  for (const Binding& binding : metadata.io_bindings) {
    ETRT_TRY_ASSIGN(Json object, write_binding(binding));
    bindings.push_back(std::move(object));
  }
  Json aliases = Json::array();
  for (const AliasedIo& alias : metadata.aliased_io) {
    aliases.push_back({{"output", alias.output}, {"input", alias.input}, {"kind", alias.kind}});
  }
  Json object{{"io_bindings", std::move(bindings)},
              {"aliased_io", std::move(aliases)},
              {"hardware_compatible", metadata.hardware_compatible},
              {"device_id", metadata.device_id},
              {"serialized_metadata", metadata.serialized_metadata},
              {"target_platform", metadata.target_platform}};
  if (!metadata.variants.empty()) {
    Json& variants = object["variants"] = Json::array();
    for (const Variant& variant : metadata.variants) {
      variants.push_back(
          {{"kind", variant.kind}, {"target", variant.target}, {"offset", variant.offset}, {"size", variant.size}});
    }
  }
  ETRT_TRY(merge_extra(object, metadata.extra, "extra"));
  return dump_json(object);
}

}  // namespace etrt::blob
