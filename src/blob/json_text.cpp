#include <cstddef>
#include <unordered_set>
#include <utility>
#include <vector>

#include <base/format.h>
#include <blob/format.h>
#include <blob/json_text.h>

namespace etrt::blob {
namespace {

constexpr std::size_t kMaxQuote = 80;

/// Walks the text once without building anything, so that a text over the limits costs no memory. The interface is
/// nlohmann's; returning false stops the walk.
class LimitChecker : public nlohmann::json_sax<Json> {
 public:
  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }

  bool start_object(std::size_t) override { return enter(); }
  bool end_object() override { return leave(); }
  bool start_array(std::size_t) override { return enter(); }
  bool end_array() override { return leave(); }

  bool key(string_t& name) override {
    auto& keys = keys_.back();
    if (!keys.insert(name).second) return refuse(base::concat("the key ", quote_text(name), " appears twice"));
    if (keys.size() > kMaxJsonKeys) return refuse(base::concat("an object has more than ", kMaxJsonKeys, " keys"));
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return refuse(base::concat("malformed at byte ", position));
  }

  const std::string& complaint() const { return complaint_; }

 private:
  bool count() {
    if (++values_ <= kMaxJsonValues) return true;
    return refuse(base::concat("more than ", kMaxJsonValues, " values"));
  }

  bool enter() {
    if (keys_.size() == kMaxJsonDepth) return refuse(base::concat("nested deeper than ", kMaxJsonDepth, " levels"));
    keys_.emplace_back();
    return count();
  }

  bool leave() {
    keys_.pop_back();
    return true;
  }

  bool refuse(std::string complaint) {
    complaint_ = std::move(complaint);
    return false;
  }

  std::vector<std::unordered_set<std::string>> keys_;  ///< one per level that is open
  std::size_t values_ = 0;
  std::string complaint_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what) {
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return Error(ErrorCode::kInvalidData, base::concat(what, ": a NUL at byte ", nul, ", where JSON can have none"));
  }
  LimitChecker checker;
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) {
    return Error(ErrorCode::kInvalidData, base::concat(what, ": ", checker.complaint(), " (", text.size(), " bytes)"));
  }
  Json value = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return Error(ErrorCode::kInvalidData, base::concat(what, ": malformed"));
  return value;
}

std::string dump_json(const Json& value) {
  return value.dump(-1, ' ', /*ensure_ascii=*/true);
}

std::string quote_json(const Json& value) {
  if (value.is_structured() && value.size() > kMaxQuote) {
    return base::concat(value.is_array() ? "an array" : "an object", " of ", value.size());
  }
  std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  if (text.size() > kMaxQuote) text = text.substr(0, kMaxQuote) + "...";
  return text;
}

std::string quote_text(std::string_view text) {
  return quote_json(Json(std::string(text.substr(0, kMaxQuote + 1))));
}

}  // namespace etrt::blob
