#include <algorithm>
#include <array>

#include <pte/scalar_type.h>

namespace etrt::pte {
namespace {

constexpr std::array<ScalarType, 15> kScalarTypes{{
    {"uint8", 0, 1},
    {"int8", 1, 1},
    {"int16", 2, 2},
    {"int32", 3, 4},
    {"int64", 4, 8},
    {"float16", 5, 2},
    {"float32", 6, 4},
    {"float64", 7, 8},
    {"bool", 11, 1},
    {"bfloat16", 15, 2},
    {"float8_e5m2", 23, 1},
    {"float8_e4m3fn", 24, 1},
    {"uint16", 27, 2},
    {"uint32", 28, 4},
    {"uint64", 29, 8},
}};

std::optional<ScalarType> find(auto matches) {
  const auto* found = std::find_if(kScalarTypes.begin(), kScalarTypes.end(), matches);
  if (found == kScalarTypes.end()) return std::nullopt;
  return *found;
}

}  // namespace

std::optional<ScalarType> scalar_type_of_name(std::string_view name) {
  return find([name](const ScalarType& type) { return type.name == name; });
}

std::optional<ScalarType> scalar_type_of_code(std::int8_t code) {
  return find([code](const ScalarType& type) { return type.code == code; });
}

}  // namespace etrt::pte
