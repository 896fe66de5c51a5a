#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <blob/json_text.h>
#include <etrt/result.h>

namespace etrt::blob {

/// Takes the fields of one JSON object, naming them in errors. An absent optional field leaves its target alone.
/// Borrows the object. Threads: a value like any other.
class JsonFields {
 public:
  /// `kInvalidData` when `value` is no object. `path` is the object's name in errors; empty for the outermost.
  static Result<JsonFields> create(const Json& value, std::string path);

  Status require(const char* key) const;
  Status read(const char* key, std::string& out) const;
  Status read(const char* key, bool& out) const;
  Status read(const char* key, std::int32_t& out) const;
  Status read(const char* key, std::uint64_t& out) const;
  Status read(const char* key, std::vector<std::int64_t>& out, std::size_t limit) const;
  Status read(const char* key, std::vector<std::uint8_t>& out, std::size_t limit) const;

  /// The array at `key`, null when absent; `kInvalidData` when it is no array or has more than `limit` elements.
  Result<const Json*> array(const char* key, std::size_t limit) const;

  /// What is there beside `known`, as the text of one JSON object; empty when nothing is.
  std::string others(std::initializer_list<std::string_view> known) const;

  /// "io_bindings[3].shape"
  std::string name_of(const char* key) const;

 private:
  JsonFields(const Json& object, std::string path) : object_(&object), path_(std::move(path)) {}

  const Json* find(const char* key) const;
  Error wrong(const char* key, const Json& found, const char* expected) const;

  const Json* object_;
  std::string path_;
};

/// Adds the keys of `text`, a JSON object or empty, to `object`, but never replaces one.
Status merge_extra(Json& object, std::string_view text, std::string_view what);

}  // namespace etrt::blob
