#include <algorithm>
#include <array>

#include <cli/element_type.h>

namespace etrt::cli {
namespace {

using executorch::aten::ScalarType;
using Family = ElementType::Family;

constexpr std::array<ElementType, 13> kTypes{{
    {"float32", ScalarType::Float, 4, Family::kFloat, "<f4", true},
    {"float64", ScalarType::Double, 8, Family::kFloat, "<f8", true},
    {"float16", ScalarType::Half, 2, Family::kFloat, "<f2", true},
    {"bfloat16", ScalarType::BFloat16, 2, Family::kFloat, "<u2", false},
    {"int8", ScalarType::Char, 1, Family::kInteger, "|i1", true},
    {"int16", ScalarType::Short, 2, Family::kInteger, "<i2", true},
    {"int32", ScalarType::Int, 4, Family::kInteger, "<i4", true},
    {"int64", ScalarType::Long, 8, Family::kInteger, "<i8", true},
    {"uint8", ScalarType::Byte, 1, Family::kInteger, "|u1", true},
    {"uint16", ScalarType::UInt16, 2, Family::kInteger, "<u2", true},
    {"uint32", ScalarType::UInt32, 4, Family::kInteger, "<u4", true},
    {"uint64", ScalarType::UInt64, 8, Family::kInteger, "<u8", true},
    {"bool", ScalarType::Bool, 1, Family::kBool, "|b1", true},
}};

template <class Predicate>
const ElementType* find(Predicate&& matches) {
  const auto* const found = std::find_if(kTypes.begin(), kTypes.end(), matches);
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace

const ElementType* find_element_type(std::string_view name) {
  return find([&](const ElementType& type) { return type.name == name; });
}

const ElementType* find_element_type(ScalarType scalar) {
  return find([&](const ElementType& type) { return type.scalar == scalar; });
}

}  // namespace etrt::cli
