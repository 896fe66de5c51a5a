#include <cmath>

#include <nlohmann/json.hpp>

#include <cli/latency_table.h>
#include <cli/text.h>

namespace etrt::cli {

void add_summary_columns(std::vector<Table::Column>& columns) {
  for (const char* title : {"count", "p50", "p90", "p99", "min", "max", "spread"}) {
    columns.push_back({title, Align::kRight});
  }
}

void add_summary_cells(std::vector<std::string>& cells, const Summary& summary) {
  cells.push_back(std::to_string(summary.count));
  for (const double value : {summary.p50, summary.p90, summary.p99, summary.min, summary.max}) {
    cells.push_back(number_text(value));
  }
  cells.push_back(percent_text(summary.spread));
}

std::string percent_text(double spread) {
  return std::to_string(std::lround(spread * 100)) + " %";
}

nlohmann::ordered_json summary_json(const Summary& summary) {
  return {{"count", summary.count}, {"p50_us", summary.p50}, {"p90_us", summary.p90},   {"p99_us", summary.p99},
          {"min_us", summary.min},  {"max_us", summary.max}, {"spread", summary.spread}};
}

}  // namespace etrt::cli
