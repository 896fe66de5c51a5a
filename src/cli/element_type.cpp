#include <algorithm>
#include <array>

#include <base/element_type.h>
#include <cli/element_type.h>

namespace etrt::cli {
namespace {

using executorch::aten::ScalarType;
using Family = ElementType::Family;

/// What numpy calls the type; the rest comes from the table that all parts share.
constexpr ElementType describe(std::string_view name, Family family, std::string_view npy, bool in_numpy = true) {
  const base::ElementType& type = *base::find_element_type(name);
  return {type.name, static_cast<ScalarType>(type.code), type.size, family, npy, in_numpy};
}

constexpr std::array<ElementType, 13> kTypes{{
    describe("float32", Family::kFloat, "<f4"),
    describe("float64", Family::kFloat, "<f8"),
    describe("float16", Family::kFloat, "<f2"),
    describe("bfloat16", Family::kFloat, "<u2", false),
    describe("int8", Family::kInteger, "|i1"),
    describe("int16", Family::kInteger, "<i2"),
    describe("int32", Family::kInteger, "<i4"),
    describe("int64", Family::kInteger, "<i8"),
    describe("uint8", Family::kInteger, "|u1"),
    describe("uint16", Family::kInteger, "<u2"),
    describe("uint32", Family::kInteger, "<u4"),
    describe("uint64", Family::kInteger, "<u8"),
    describe("bool", Family::kBool, "|b1"),
}};
static_assert(kTypes[0].scalar == ScalarType::Float && kTypes[12].scalar == ScalarType::Bool);

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
