#include <charconv>
#include <cstring>
#include <optional>

#include <base/checked_math.h>
#include <base/format.h>
#include <base/try.h>
#include <cli/npy.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kVersionEnd = 8;
constexpr std::size_t kAlignment = 64;
constexpr std::size_t kMaxHeader = 64 << 10;
constexpr std::size_t kMaxRank = 64;

template <class... Parts>
Error invalid(const Parts&... parts) {
  return Error(ErrorCode::kInvalidData, base::concat("not a usable .npy file: ", parts...));
}

/// Walks over the Python literal of a header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  Status parse(NpyArray& array) {
    if (!take('{')) return malformed("'{'");
    while (!take('}')) {
      ETRT_TRY_ASSIGN(const std::string_view key, string());
      if (!take(':')) return malformed("':'");
      ETRT_TRY(value(key, array));
      if (!take(',') && !peek('}')) return malformed("',' or '}'");
    }
    skip_space();
    if (!rest_.empty()) return malformed("the end of the header");
    if (!has_type_ || !has_order_ || !has_shape_) {
      return invalid("its header lacks ", !has_type_ ? "'descr'" : !has_order_ ? "'fortran_order'" : "'shape'");
    }
    return {};
  }

 private:
  Status value(std::string_view key, NpyArray& array) {
    bool* const seen = key == "descr"           ? &has_type_
                       : key == "fortran_order" ? &has_order_
                       : key == "shape"         ? &has_shape_
                                                : nullptr;
    if (seen == nullptr) return invalid("its header has the unknown key '", printable(key), "'");
    if (*seen) return invalid("its header has '", key, "' twice");
    *seen = true;
    if (seen == &has_shape_) return shape(array.shape);
    if (seen == &has_order_) return order(array.column_major);
    if (peek('[')) return Error(ErrorCode::kNotSupported, "it holds records, not an array of numbers");
    ETRT_TRY_ASSIGN(const std::string_view type, string());
    array.type = type;
    return {};
  }

  Status order(bool& column_major) {
    skip_space();
    for (const bool candidate : {false, true}) {
      const std::string_view word = candidate ? "True" : "False";
      if (!rest_.starts_with(word)) continue;
      rest_.remove_prefix(word.size());
      column_major = candidate;
      return {};
    }
    return malformed("True or False");
  }

  Status shape(std::vector<std::int64_t>& sizes) {
    if (!take('(')) return malformed("'('");
    while (!take(')')) {
      skip_space();
      std::int64_t size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc() || size < 0) return malformed("a size of 0 or more");
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      if (sizes.size() == kMaxRank) return invalid("it has more than ", kMaxRank, " dimensions");
      sizes.push_back(size);
      if (!take(',') && !peek(')')) return malformed("',' or ')'");
    }
    return {};
  }

  Result<std::string_view> string() {
    skip_space();
    const char quote = rest_.empty() ? '\0' : rest_.front();
    if (quote != '\'' && quote != '"') return malformed("a quoted word");
    const auto end = rest_.find(quote, 1);
    if (end == std::string_view::npos) return malformed("the closing quote");
    const std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  void skip_space() {
    const auto first = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
  }

  bool peek(char wanted) {
    skip_space();
    return !rest_.empty() && rest_.front() == wanted;
  }

  bool take(char wanted) {
    if (!peek(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Error malformed(const char* wanted) const {
    return invalid("its header has \"", printable(rest_.substr(0, 16)), "\" where ", wanted, " belongs");
  }

  std::string_view rest_;
  bool has_type_ = false;
  bool has_order_ = false;
  bool has_shape_ = false;
};

/// Bytes of an element, from "<f4". Nothing for what is no plain little-endian number, boolean or raw value.
std::optional<std::size_t> element_bytes(std::string_view type) {
  if (type.size() < 3) return std::nullopt;
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(type.data() + 2, type.data() + type.size(), bytes);
  const bool number = error == std::errc() && end == type.data() + type.size();
  if (!number || std::string_view("iufbcV").find(type[1]) == std::string_view::npos) return std::nullopt;
  if (bytes == 0 || bytes > 16) return std::nullopt;
  const bool single = bytes == 1 || type[1] == 'V';
  if (type[0] != '<' && !(single && (type[0] == '|' || type[0] == '='))) return std::nullopt;
  return bytes;
}

/// Where the header is, from the version and the length in front of it.
Result<std::string_view> header_of(std::string_view file) {
  if (!file.starts_with(kMagic)) return invalid("it does not begin as one");
  if (file.size() < kVersionEnd + 2) return invalid("it ends after ", file.size(), " bytes");
  const unsigned version = static_cast<unsigned char>(file[6]);
  if (version < 1 || version > 3) return invalid("its format version is ", version, ", known are 1 to 3");
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  if (file.size() < kVersionEnd + length_bytes) return invalid("it ends after ", file.size(), " bytes");
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    length |= std::size_t{static_cast<unsigned char>(file[kVersionEnd + i])} << (8 * i);
  }
  const std::string_view rest = file.substr(kVersionEnd + length_bytes);
  if (length > kMaxHeader) return invalid("its header has ", length, " bytes, at most ", kMaxHeader, " are read");
  if (length > rest.size()) return invalid("its header has ", length, " bytes, ", rest.size(), " are there");
  return rest.substr(0, length);
}

}  // namespace

Result<NpyArray> parse_npy(std::span<const std::byte> bytes) {
  const std::string_view file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  ETRT_TRY_ASSIGN(const std::string_view header, header_of(file));
  NpyArray array;
  ETRT_TRY(HeaderParser(header).parse(array));
  const auto size = element_bytes(array.type);
  if (!size) {
    return Error(ErrorCode::kNotSupported,
                 base::concat("its element type '", printable(array.type), "' is no little-endian number or boolean"));
  }
  array.element_bytes = *size;
  array.data = bytes.subspan(static_cast<std::size_t>(header.data() + header.size() - file.data()));

  std::optional<std::uint64_t> wanted = *size;
  for (const std::int64_t extent : array.shape) {
    if (extent == 0) wanted = 0;
  }
  for (const std::int64_t extent : array.shape) {
    if (wanted) wanted = base::checked_mul<std::uint64_t>(*wanted, static_cast<std::uint64_t>(extent));
  }
  if (wanted != array.data.size()) {
    return invalid("its shape ", shape_text(array.shape), " of ", array.type, " needs ",
                   wanted ? std::to_string(*wanted) : "more than 2^64", " bytes of data, it has ", array.data.size());
  }
  return array;
}

std::vector<std::byte> make_npy(std::string_view type, std::span<const std::int64_t> shape,
                                std::span<const std::byte> data) {
  std::string sizes;
  for (const std::int64_t size : shape) sizes += base::concat(size, ", ");
  if (!shape.empty()) sizes.resize(sizes.size() - (shape.size() > 1 ? 2 : 1));
  std::string header = base::concat("{'descr': '", type, "', 'fortran_order': False, 'shape': (", sizes, "), }");
  const std::size_t unpadded = kVersionEnd + 2 + header.size() + 1;
  header.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  header += '\n';

  std::string start(kMagic);
  start += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  start += header;
  std::vector<std::byte> file(start.size() + data.size());
  std::memcpy(file.data(), start.data(), start.size());
  if (!data.empty()) std::memcpy(file.data() + start.size(), data.data(), data.size());
  return file;
}

std::string npy_type_text(std::string_view type) {
  const std::size_t bits = element_bytes(type).value_or(0) * 8;
  if (bits == 0) return std::string(type);
  const char* const kind = type[1] == 'f'   ? "float"
                           : type[1] == 'i' ? "int"
                           : type[1] == 'u' ? "uint"
                           : type[1] == 'c' ? "complex"
                                            : nullptr;
  if (kind != nullptr) return base::concat(kind, bits, " (", type, ")");
  return type[1] == 'b' ? base::concat("bool (", type, ")") : std::string(type);
}

}  // namespace etrt::cli
