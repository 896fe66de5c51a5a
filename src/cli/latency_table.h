#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <cli/statistics.h>
#include <cli/table.h>

namespace etrt::cli {

/// The columns that every table of times has: count, percentiles, range, spread.
void add_summary_columns(std::vector<Table::Column>& columns);
void add_summary_cells(std::vector<std::string>& cells, const Summary& summary);

/// "12 %" for a spread of 0.12.
std::string percent_text(double spread);

/// The same as JSON: "count", "p50_us", ..., "spread".
nlohmann::ordered_json summary_json(const Summary& summary);

/// What the spread column is, for the line below a table.
inline constexpr char kSpreadLegend[] = "times in µs; spread = (p90 - p10) / p50\n";

}  // namespace etrt::cli
