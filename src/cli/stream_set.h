#pragma once

#include <optional>
#include <string>
#include <vector>

#include <etrt/device.h>
#include <etrt/partition.h>
#include <etrt/result.h>
#include <etrt/stream.h>

namespace etrt::cli {

/// Streams to run on side by side, and the partitions they are in.
struct StreamSet {
  std::vector<Partition> partitions;  ///< outlive the streams' making only; kept for their SM counts
  std::vector<Stream> streams;
  std::string note;  ///< what is not as it was asked for; empty when all is

  /// `count` streams of the device, each in a partition of its own of `sms` SMs when a number is given. When the
  /// device has not enough SMs for that, they share one partition, and `note` says so.
  static Result<StreamSet> create(const Device& device, int count, std::optional<int> sms);
};

}  // namespace etrt::cli
