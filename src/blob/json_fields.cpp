#include <algorithm>
#include <limits>
#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <blob/format.h>
#include <blob/json_fields.h>

namespace etrt::blob {
namespace {

/// Fails for anything but an integer that fits `T`.
template <class T>
bool read_integer(const Json& value, T& out) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return false;
    out = static_cast<T>(number);
    return true;
  }
  if constexpr (std::numeric_limits<T>::is_signed) {
    if (!value.is_number_integer()) return false;
    const auto number = value.get<std::int64_t>();
    if (number < std::numeric_limits<T>::min()) return false;
    out = static_cast<T>(number);
    return true;
  }
  return false;
}

}  // namespace

Result<JsonFields> JsonFields::create(const Json& value, std::string path) {
  if (value.is_object()) return JsonFields(value, std::move(path));
  return Error(ErrorCode::kInvalidData,
               base::concat(path.empty() ? "the metadata" : path, " is ", quote_json(value), ", must be an object"));
}

std::string JsonFields::name_of(const char* key) const {
  return path_.empty() ? key : path_ + "." + key;
}

const Json* JsonFields::find(const char* key) const {
  const auto found = object_->find(key);
  return found == object_->end() ? nullptr : &*found;
}

Error JsonFields::wrong(const char* key, const Json& found, const char* expected) const {
  return Error(ErrorCode::kInvalidData, base::concat(name_of(key), " is ", quote_json(found), ", must be ", expected));
}

Status JsonFields::require(const char* key) const {
  if (find(key) != nullptr) return {};
  return Error(ErrorCode::kInvalidData, name_of(key) + " is missing");
}

Status JsonFields::read(const char* key, std::string& out) const {
  const Json* value = find(key);
  if (value == nullptr) return {};
  if (!value->is_string()) return wrong(key, *value, "a string");
  out = value->get_ref<const std::string&>();
  return {};
}

Status JsonFields::read(const char* key, bool& out) const {
  const Json* value = find(key);
  if (value == nullptr) return {};
  if (!value->is_boolean()) return wrong(key, *value, "true or false");
  out = value->get<bool>();
  return {};
}

Status JsonFields::read(const char* key, std::int32_t& out) const {
  const Json* value = find(key);
  if (value == nullptr || read_integer(*value, out)) return {};
  return wrong(key, *value, "a 32-bit integer");
}

Status JsonFields::read(const char* key, std::uint64_t& out) const {
  const Json* value = find(key);
  if (value == nullptr || read_integer(*value, out)) return {};
  return wrong(key, *value, "an integer from 0 to 2^64-1");
}

Status JsonFields::read(const char* key, std::vector<std::int64_t>& out, std::size_t limit) const {
  ETRT_TRY_ASSIGN(const Json* list, array(key, limit));
  if (list == nullptr) return {};
  out.resize(list->size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!read_integer((*list)[i], out[i])) return wrong(key, *list, "a list of 64-bit integers");
  }
  return {};
}

Status JsonFields::read(const char* key, std::vector<std::uint8_t>& out, std::size_t limit) const {
  ETRT_TRY_ASSIGN(const Json* list, array(key, limit));
  if (list == nullptr) return {};
  out.resize(list->size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!read_integer((*list)[i], out[i])) return wrong(key, *list, "a list of dimension numbers");
  }
  return {};
}

Result<const Json*> JsonFields::array(const char* key, std::size_t limit) const {
  const Json* value = find(key);
  if (value == nullptr) return value;
  if (!value->is_array()) return wrong(key, *value, "a list");
  if (value->size() > limit) {
    return Error(ErrorCode::kInvalidData,
                 base::concat(name_of(key), " has ", value->size(), " entries, at most ", limit, " are allowed"));
  }
  return value;
}

std::string JsonFields::others(std::initializer_list<std::string_view> known) const {
  Json rest = Json::object();
  for (const auto& [key, value] : object_->items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) rest[key] = value;
  }
  return rest.empty() ? std::string() : dump_json(rest);
}

Status merge_extra(Json& object, std::string_view text, std::string_view what) {
  if (text.empty()) return {};
  auto extra = parse_json(text, what);
  if (!extra.ok() || !extra->is_object()) {
    return Error(ErrorCode::kInvalidArgument,
                 base::concat(what, " must be the text of a JSON object, found ", quote_text(text)));
  }
  for (const auto& [key, value] : extra->items()) {
    if (!object.contains(key)) object[key] = value;
  }
  return {};
}

}  // namespace etrt::blob
