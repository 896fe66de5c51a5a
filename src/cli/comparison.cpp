#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include <base/format.h>
#include <cli/comparison.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

using executorch::aten::ScalarType;

template <class T>
double read(const std::byte* at) {
  T value;
  std::memcpy(static_cast<void*>(&value), at, sizeof(T));
  return static_cast<double>(value);
}

/// Integers beyond 2^53 lose their last digits here.
double (*reader_of(ScalarType type))(const std::byte*) {
  switch (type) {
    case ScalarType::Float:
      return &read<float>;
    case ScalarType::Double:
      return &read<double>;
    case ScalarType::Half:
      return &read<executorch::aten::Half>;
    case ScalarType::BFloat16:
      return &read<executorch::aten::BFloat16>;
    case ScalarType::Char:
      return &read<std::int8_t>;
    case ScalarType::Short:
      return &read<std::int16_t>;
    case ScalarType::Int:
      return &read<std::int32_t>;
    case ScalarType::Long:
      return &read<std::int64_t>;
    case ScalarType::UInt16:
      return &read<std::uint16_t>;
    case ScalarType::UInt32:
      return &read<std::uint32_t>;
    case ScalarType::UInt64:
      return &read<std::uint64_t>;
    default:
      return &read<std::uint8_t>;
  }
}

double difference(double output, double reference) {
  if (output == reference || (std::isnan(output) && std::isnan(reference))) return 0;
  const double apart = std::abs(output - reference);
  return std::isnan(apart) ? std::numeric_limits<double>::infinity() : apart;
}

}  // namespace

Result<Comparison> compare(const HostTensor& output, const HostTensor& reference, double tolerance) {
  if (output.sizes != reference.sizes) {
    return Error(ErrorCode::kInvalidArgument, base::concat("it has shape ", shape_text(reference.sizes),
                                                           ", the output has ", shape_text(output.sizes)));
  }
  Comparison result;
  result.tolerance = tolerance;
  const std::size_t size = output.type->bytes;
  result.elements = output.data.size() / size;
  const auto value = reader_of(output.type->scalar);
  for (std::size_t i = 0; i < result.elements; ++i) {
    const double apart = difference(value(&output.data[i * size]), value(&reference.data[i * size]));
    if (apart > tolerance) ++result.beyond;
    if (apart <= result.largest) continue;
    result.largest = apart;
    result.element = i;
  }
  return result;
}

const Comparison& worse(const Comparison& one, const Comparison& other) {
  return other.largest > one.largest ? other : one;
}

Status first_difference(std::span<const Comparison> comparisons) {
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    const Comparison& one = comparisons[i];
    if (one.passed()) continue;
    return Error(ErrorCode::kInvalidData,
                 base::concat("output ", i, " differs from ", printable(one.reference), " by up to ", one.largest,
                              " (element ", one.element, "), beyond the tolerance of ", one.tolerance, " in ",
                              one.beyond, " of ", count_text(one.elements, "element")));
  }
  return {};
}

}  // namespace etrt::cli
