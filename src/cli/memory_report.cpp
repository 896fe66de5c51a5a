#include <algorithm>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <cli/memory_report.h>
#include <cli/table.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

constexpr std::size_t kMaxRows = 16;

double microseconds(std::uint64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / 1000;
}

double host_us_a_call(const ProgramReport& program) {
  const std::uint64_t calls = program.calls + program.failed_calls;
  return calls == 0 ? 0 : microseconds(program.host_ns) / static_cast<double>(calls);
}

Table::Column number(const char* title) {
  return {title, Align::kRight};
}

Table bytes_table(const Report& report, std::size_t rows) {
  Table table({number("program"),
               {"device"},
               number("contexts"),
               number("each at most"),
               number("engine"),
               number("streamed weights"),
               number("staging on device"),
               number("graphs")});
  for (std::size_t i = 0; i < rows; ++i) {
    const ProgramReport& program = report.programs[i];
    std::vector<std::string> row{std::to_string(i), program.device};
    for (const std::size_t value : {program.execution_contexts, program.context_bytes, program.engine_bytes,
                                    program.streamed_bytes, program.device_staging_bytes, program.graph_bytes}) {
      row.push_back(std::to_string(value));
    }
    table.add_row(std::move(row));
  }
  return table;
}

Table calls_table(const Report& report, std::size_t rows) {
  Table table({number("program"), number("calls"), number("failed"), number("waiting"), number("shape changes"),
               number("bindings set"), number("host time a call"), number("slowest")});
  for (std::size_t i = 0; i < rows; ++i) {
    const ProgramReport& program = report.programs[i];
    std::vector<std::string> row{std::to_string(i)};
    for (const std::uint64_t value :
         {program.calls, program.failed_calls, program.waiting_calls, program.shape_changes, program.bindings_set}) {
      row.push_back(std::to_string(value));
    }
    row.push_back(number_text(host_us_a_call(program)));
    row.push_back(number_text(microseconds(program.slowest_ns)));
    table.add_row(std::move(row));
  }
  return table;
}

Table graphs_table(const Report& report, std::size_t rows) {
  Table table({{"program", Align::kRight},
               {"graphs", Align::kRight},
               {"launches", Align::kRight},
               {"captures", Align::kRight},
               {"evictions", Align::kRight},
               {"why none"}});
  for (std::size_t i = 0; i < rows; ++i) {
    const ProgramReport& program = report.programs[i];
    table.add_row({std::to_string(i), std::to_string(program.graphs), std::to_string(program.graph_launches),
                   std::to_string(program.graph_captures), std::to_string(program.graph_evictions),
                   printable(program.no_graph_reason)});
  }
  return table;
}

std::string limited(std::size_t bytes, std::size_t limit) {
  return limit == 0 ? bytes_text(bytes) : base::concat(bytes_text(bytes), " of at most ", bytes_text(limit));
}

/// What programs share on one device.
std::string device_text(const MemoryReport& memory) {
  std::string text = base::concat(
      "  ", memory.device, ": on the device ", limited(memory.device_bytes, memory.device_limit), ", scratch ",
      bytes_text(memory.scratch_bytes), " of it; planned by programs ", bytes_text(memory.planned_bytes),
      "; pinned on the host ", limited(memory.pinned_bytes, memory.pinned_limit));
  if (memory.abandoned_bytes > 0) text += base::concat("; abandoned ", bytes_text(memory.abandoned_bytes));
  return text + "\n";
}

}  // namespace

std::string memory_text(const Report& report) {
  const std::size_t rows = std::min(report.programs.size(), kMaxRows);
  std::string text = bytes_table(report, rows).to_string(2) +
                     "  in bytes; an engine is shared by the programs that hold the same one\n";
  for (const MemoryReport& memory : report.memory) text += device_text(memory);
  text += "\n" + calls_table(report, rows).to_string(2) + "  times in µs, runs of --warm-up included\n";
  text +=
      "\n" + graphs_table(report, rows).to_string(2) + "  CUDA graphs of the programs' own calls, see --cuda-graph\n";
  if (report.programs.size() > rows) text += base::concat("  … ", report.programs.size() - rows, " more: see --json\n");
  return text;
}

nlohmann::ordered_json memory_json(const Report& report) {
  using Json = nlohmann::ordered_json;
  Json programs = Json::array();
  for (const ProgramReport& program : report.programs) {
    programs.push_back({{"device", program.device},
                        {"payload", program.engine},
                        {"execution_contexts", program.execution_contexts},
                        {"context_bytes", program.context_bytes},
                        {"engine_bytes", program.engine_bytes},
                        {"streamed_bytes", program.streamed_bytes},
                        {"device_staging_bytes", program.device_staging_bytes},
                        {"graph_bytes", program.graph_bytes},
                        {"graphs", program.graphs},
                        {"graph_launches", program.graph_launches},
                        {"graph_captures", program.graph_captures},
                        {"graph_evictions", program.graph_evictions},
                        {"no_graph_reason", program.no_graph_reason},
                        {"calls", program.calls},
                        {"failed_calls", program.failed_calls},
                        {"waiting_calls", program.waiting_calls},
                        {"shape_changes", program.shape_changes},
                        {"bindings_set", program.bindings_set},
                        {"host_us_a_call", host_us_a_call(program)},
                        {"slowest_us", microseconds(program.slowest_ns)}});
  }
  Json devices = Json::array();
  for (const MemoryReport& device : report.memory) {
    devices.push_back({{"device", device.device},
                       {"device_bytes", device.device_bytes},
                       {"device_limit", device.device_limit},
                       {"scratch_bytes", device.scratch_bytes},
                       {"planned_bytes", device.planned_bytes},
                       {"pinned_bytes", device.pinned_bytes},
                       {"pinned_limit", device.pinned_limit},
                       {"abandoned_bytes", device.abandoned_bytes}});
  }
  return {{"programs", std::move(programs)}, {"devices", std::move(devices)}};
}

std::string layers_text(const std::vector<ProgramLayers>& programs) {
  Table table({number("program"), {"layer"}, number("time")});
  for (std::size_t i = 0; i < programs.size(); ++i) {
    for (const LayerTime& layer : programs[i].layers) {
      table.add_row({std::to_string(i), printable(layer.name), number_text(layer.milliseconds * 1000.0)});
    }
  }
  if (table.empty()) return "  no times of layers: what runs here has no layers to tell of\n";
  return table.to_string(2) + "  times in µs, of each program's last run\n";
}

nlohmann::ordered_json layers_json(const std::vector<ProgramLayers>& programs) {
  auto list = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < programs.size(); ++i) {
    for (const LayerTime& layer : programs[i].layers) {
      list.push_back({{"program", i}, {"name", layer.name}, {"us", layer.milliseconds * 1000.0}});
    }
  }
  return list;
}

}  // namespace etrt::cli
