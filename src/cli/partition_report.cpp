#include <nlohmann/json.hpp>

#include <base/format.h>
#include <cli/partition_report.h>

namespace etrt::cli {

std::string ranges_text(const std::vector<unsigned>& sorted) {
  std::string text;
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t last = i;
    while (last + 1 < sorted.size() && sorted[last + 1] == sorted[last] + 1) ++last;
    text += base::concat(text.empty() ? "" : ", ", sorted[i]);
    if (last > i) text += base::concat("-", sorted[last]);
    i = last + 1;
  }
  return text;
}

namespace {

/// Full SMs show that a program as a whole needs its partition. Where operations tell their core, none was full.
std::string finding_of(const PartitionCheck& check) {
  const bool judged_whole = check.confined && check.held.count() > 0;
  return check.finding +
         (judged_whole ? ". Parts of it, as on auxiliary streams of the engine, may still have left the partition"
                       : "");
}

}  // namespace

std::string partitions_text(const std::vector<PartitionCheck>& checks) {
  std::string text;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    text += base::concat("  stream ", i, " on SMs ", ranges_text(checks[i].sms), ": ",
                         checks[i].confined ? "confined" : "NOT confined", ": ", finding_of(checks[i]), "\n");
  }
  return text;
}

nlohmann::ordered_json partitions_json(const std::vector<PartitionCheck>& checks) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const double held_ms = std::chrono::duration<double, std::milli>(checks[i].held).count();
    list.push_back({{"stream", i},
                    {"confined", checks[i].confined},
                    {"sms", checks[i].sms},
                    {"held_ms", held_ms},
                    {"finding", finding_of(checks[i])}});
  }
  return list;
}

Status first_stray(const std::vector<PartitionCheck>& checks) {
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (checks[i].confined) continue;
    return Error(ErrorCode::kInvalidState,
                 base::concat("the program on stream ", i, " does not keep to its partition: ", checks[i].finding));
  }
  return {};
}

}  // namespace etrt::cli
