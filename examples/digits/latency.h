#pragma once

#include <string>
#include <vector>

#include <etrt/device.h>
#include <etrt/partition.h>
#include <etrt/result.h>

namespace digits {

/// Latency of single calls of one model copy, in microseconds.
struct Latency {
  std::string scenario;
  double p50;
  double p90;
  double p99;
};

/// Measures calls of one copy: alone, and beside busy copies, with and without partitions. `partitions` holds two that
/// share no SM.
etrt::Result<std::vector<Latency>> measure(const etrt::Device& device, const std::vector<etrt::Partition>& partitions,
                                           const std::string& program, const std::vector<float>& images, int calls);

}  // namespace digits
