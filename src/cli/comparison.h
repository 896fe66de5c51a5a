#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <cli/tensors.h>
#include <etrt/result.h>

namespace etrt::cli {

/// How far the elements of an output are from a reference.
struct Comparison {
  std::string reference;     ///< path
  double tolerance = 0;      ///< the largest difference that is allowed
  double largest = 0;        ///< difference; infinite where one alone is not a number, and for another shape
  std::size_t element = 0;   ///< where it is, in memory's order
  std::size_t beyond = 0;    ///< elements beyond the tolerance
  std::size_t elements = 0;  ///< compared

  bool passed() const { return beyond == 0; }
};

/// Both of one type, in one order; another shape is an error.
Result<Comparison> compare(const HostTensor& output, const HostTensor& reference, double tolerance);

/// Of several streams' outputs the one that is furthest from the reference.
const Comparison& worse(const Comparison& one, const Comparison& other);

/// An error that names the first output beyond its tolerance.
Status first_difference(std::span<const Comparison> comparisons);

}  // namespace etrt::cli
