#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <cli/latency_table.h>
#include <cli/memory_report.h>
#include <cli/partition_report.h>
#include <cli/run_report.h>
#include <cli/table.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

constexpr std::size_t kMaxRows = 16;  ///< of the inputs, and of the outputs

std::string sms_text(const Run& run, std::size_t worker) {
  if (!run.target) return "-";
  if (run.streams.partitions.empty()) return base::concat(run.target->device.sm_count(), " (all)");
  return std::to_string(run.streams.partitions[worker % run.streams.partitions.size()].sm_count());
}

std::string values_text(const Run& run) {
  Table table({{"value"}, {"type"}, {"shape"}, {"file"}});
  std::string more;
  const auto add = [&](const char* side, const std::vector<HostTensor>& tensors, const auto& file_of) {
    for (std::size_t i = 0; i < std::min(tensors.size(), kMaxRows); ++i) {
      table.add_row({base::concat(side, " ", i), std::string(tensors[i].type->name), shape_text(tensors[i].sizes),
                     printable(file_of(i), kShownPath)});
    }
    if (tensors.size() > kMaxRows)
      more += base::concat("  … ", tensors.size() - kMaxRows, " more ", side, "s: see --json\n");
  };
  add("input", run.inputs, [&](std::size_t i) { return input_source(run, i); });
  add("output", run.outputs, [&](std::size_t i) { return run.files.empty() ? "not written" : run.files[i]; });
  return table.to_string(2) + more;
}

std::string comparisons_text(const Run& run) {
  Table table({{"output"}, {"reference"}, {"largest difference", Align::kRight}, {"tolerance", Align::kRight}, {""}});
  for (std::size_t i = 0; i < run.comparisons.size(); ++i) {
    const Comparison& one = run.comparisons[i];
    table.add_row({std::to_string(i), printable(one.reference, kShownPath), base::concat(one.largest),
                   base::concat(one.tolerance), one.passed() ? "ok" : "DIFFERS"});
  }
  return table.to_string(2);
}

nlohmann::ordered_json comparisons_json(const Run& run) {
  auto list = nlohmann::ordered_json::array();
  for (const Comparison& one : run.comparisons) {
    // JSON has no infinity.
    list.push_back({{"reference", one.reference},
                    {"largest_difference", std::isfinite(one.largest) ? nlohmann::ordered_json(one.largest) : nullptr},
                    {"tolerance", one.tolerance},
                    {"elements", one.elements},
                    {"elements_beyond", one.beyond},
                    {"passed", one.passed()}});
  }
  return list;
}

nlohmann::ordered_json value_json(const HostTensor& tensor) {
  return {{"dtype", tensor.type->name}, {"shape", tensor.sizes}};
}

}  // namespace

std::string input_source(const Run& run, std::size_t index) {
  return run.options.inputs.empty() ? base::concat("random, seed ", run.options.seed) : run.options.inputs[index];
}

std::string to_text(const Run& run) {
  std::string text =
      base::concat(printable(run.program.name(), kShownPath), ", method ", printable(run.method->name), ": ");
  text += run.target ? base::concat(printable(run.target->payload, kShownPath), " on ", run.target->device.name(), " (",
                                    printable(run.target->device.description()), ")",
                                    run.resident ? ", inputs and outputs in device memory" : "")
                     : "host code, no part of it delegated to TensorRTBackend";
  std::vector<Table::Column> columns{{"stream", Align::kRight}, {"SMs", Align::kRight}};
  add_summary_columns(columns);
  Table times(columns);
  for (std::size_t i = 0; i < run.sessions.size(); ++i) {
    std::vector<std::string> row{std::to_string(i), sms_text(run, i)};
    add_summary_cells(row, summarize(run.measured.latencies_us[i]));
    times.add_row(std::move(row));
  }
  text += "\n" + values_text(run) + "\n" + times.to_string(2) + "  " + kSpreadLegend;
  if (!run.comparisons.empty()) text += "\n" + comparisons_text(run);
  if (run.options.memory) text += "\n" + memory_text(run.report);
  if (run.options.layers) text += "\n" + layers_text(run.layers);
  if (!run.checks.empty()) text += "\n" + partitions_text(run.checks);
  return text;
}

nlohmann::ordered_json to_json(const Run& run) {
  using Json = nlohmann::ordered_json;
  Json document{{"program", run.program.name()},
                {"method", run.method->name},
                {"device", nullptr},
                {"payload", nullptr},
                {"device_resident", run.resident},
                {"warm_up", run.options.warm_up},
                {"inputs", Json::array()},
                {"outputs", Json::array()},
                {"streams", Json::array()},
                {"wall_us", run.measured.wall_us}};
  if (run.target) {
    document["device"] = run.target->device.name();
    document["payload"] = run.target->payload;
  }
  for (std::size_t i = 0; i < run.inputs.size(); ++i) {
    Json entry = value_json(run.inputs[i]);
    entry["file"] = run.options.inputs.empty() ? Json(nullptr) : Json(run.options.inputs[i]);
    document["inputs"].push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < run.outputs.size(); ++i) {
    Json entry = value_json(run.outputs[i]);
    entry["file"] = run.files.empty() ? Json(nullptr) : Json(run.files[i]);
    document["outputs"].push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < run.sessions.size(); ++i) {
    Json entry{{"stream", i}, {"sms", nullptr}, {"partition", nullptr}};
    if (run.target) entry["sms"] = run.target->device.sm_count();
    if (!run.streams.partitions.empty()) {
      const std::size_t partition = i % run.streams.partitions.size();
      entry["partition"] = partition;
      entry["sms"] = run.streams.partitions[partition].sm_count();
    }
    entry.update(summary_json(summarize(run.measured.latencies_us[i])));
    document["streams"].push_back(std::move(entry));
  }
  if (!run.comparisons.empty()) document["comparison"] = comparisons_json(run);
  if (run.options.memory) document["memory"] = memory_json(run.report);
  if (run.options.layers) document["layers"] = layers_json(run.layers);
  if (!run.checks.empty()) document["partition_check"] = partitions_json(run.checks);
  return document;
}

}  // namespace etrt::cli
