#pragma once

#include <cstddef>
#include <vector>

namespace etrt::cli {

/// What a set of measurements looks like. Every figure but the spread is one of the values measured.
struct Summary {
  std::size_t count = 0;
  double min = 0;
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double max = 0;
  double spread = 0;  ///< (p90 - p10) / p50; 0 when p50 is 0
};

/// The smallest value that at least `fraction` of the sorted values do not exceed (nearest rank). 0 for no values.
double percentile(const std::vector<double>& sorted, double fraction);

Summary summarize(std::vector<double> values);

}  // namespace etrt::cli
