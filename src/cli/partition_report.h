#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <cli/partition_check.h>
#include <etrt/result.h>

namespace etrt::cli {

/// "0-15, 18"
std::string ranges_text(const std::vector<unsigned>& sorted);

/// What `--verify-partition` found, a check for each stream.
std::string partitions_text(const std::vector<PartitionCheck>& checks);
nlohmann::ordered_json partitions_json(const std::vector<PartitionCheck>& checks);

/// The error that the command ends with: the first stream whose program left its partition.
Status first_stray(const std::vector<PartitionCheck>& checks);

}  // namespace etrt::cli
