#include <algorithm>
#include <functional>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <cli/allocation_counter.h>
#include <cli/bench_counts.h>
#include <cli/bench_tensors.h>
#include <cli/direct_delegate.h>
#include <cli/log_capture.h>
#include <cli/session.h>
#include <cli/table.h>
#include <cli/text.h>
#include <cuda/current_context.h>
#include <cuda/device.h>
#include <delegate/load/options.h>
#include <etrt/report.h>
#include <etrt/stream.h>
#include <etrt/stream_guard.h>

namespace etrt::cli {
namespace {

constexpr std::size_t kWarmup = 32;
constexpr char kThroughBackend[] = "TensorRTBackend::execute()";
constexpr char kWithoutContext[] = "the same, no context current";
constexpr char kThroughMethod[] = "Method::execute()";
constexpr char kThroughModule[] = "Module::execute()";

bool is_host_wait(cuda::Symbol symbol) {
  using enum cuda::Symbol;
  return symbol == k_cuStreamSynchronize || symbol == k_cuEventSynchronize || symbol == k_cuCtxSynchronize ||
         symbol == k_cuMemcpy;
}

/// Reads the counter after a call.
void add_driver_calls(const cuda::CallCounter& counter, CallCounts& counts,
                      std::array<Range, cuda::kSymbolCount>& symbols) {
  std::uint64_t waits = 0;
  for (std::size_t i = 0; i < cuda::kSymbolCount; ++i) {
    const auto symbol = static_cast<cuda::Symbol>(i);
    const std::uint64_t count = counter.count(symbol);
    symbols[i].add(count);
    if (is_host_wait(symbol)) waits += count;
  }
  counts.driver_calls.add(counter.total());
  counts.host_waits.add(waits);
}

using Call = std::function<Status()>;

Result<cuda::CurrentContext> primary_context(const BenchCase& bench) {
  const cuda::Device& device = bench.device.native();
  return cuda::CurrentContext::push(device.driver, device.primary);
}

/// The stream is idle before each call, so that no call pays for another.
Result<CallCounts> count_calls(const char* through, const Call& call, const Stream& stream, cuda::CallCounter& counter,
                               std::size_t iterations) {
  CallCounts counts{through, iterations, {}, {}, {}, {}};
  std::array<Range, cuda::kSymbolCount> symbols;
  const StreamGuard guard(stream.get());
  for (std::size_t i = 0; i < kWarmup + iterations; ++i) {
    counter.reset();
    const std::uint64_t before = allocations_of_this_thread();
    Status status = call();
    const std::uint64_t allocations = allocations_of_this_thread() - before;
    if (!status.ok()) return std::move(status).error();
    if (i >= kWarmup) {
      counts.allocations.add(allocations);
      add_driver_calls(counter, counts, symbols);
    }
    ETRT_TRY(stream.synchronize());
  }
  for (std::size_t i = 0; i < cuda::kSymbolCount; ++i) {
    if (symbols[i].most > 0) counts.by_entry_point[std::string(cuda::kSymbolNames[i])] = symbols[i];
  }
  return counts;
}

/// With a context of the device current, as the CUDA runtime leaves one on every thread that used it, and with none.
Status count_backend(const BenchCase& bench, const Stream& stream, cuda::CallCounter& counter, std::size_t iterations,
                     CaseCounts& counts) {
  ETRT_TRY_ASSIGN(auto tensors, BenchTensors::on_device(bench, stream.get()));
  ETRT_TRY_ASSIGN(const auto direct, DirectDelegate::create(bench, delegate::Options().max_inflight));
  const Call call = [&] { return direct->execute(tensors.arguments()); };
  {
    ETRT_TRY_ASSIGN(const auto scope, primary_context(bench));
    ETRT_TRY_ASSIGN(auto counted, count_calls(kThroughBackend, call, stream, counter, iterations));
    counts.calls.push_back(std::move(counted));
  }
  ETRT_TRY_ASSIGN(auto counted, count_calls(kWithoutContext, call, stream, counter, iterations));
  counts.calls.push_back(std::move(counted));
  return {};
}

Status count_executorch(const BenchCase& bench, const Stream& stream, cuda::CallCounter& counter,
                        std::size_t iterations, CaseCounts& counts) {
  SessionOptions options;
  options.delegate.device = bench.device.name();
  options.resident = bench.device;
  ETRT_TRY_ASSIGN(const auto session, Session::load(bench.program, *bench.method, options));
  ETRT_TRY(session->set_inputs(bench.inputs, stream.get()));
  ETRT_TRY_ASSIGN(executorch::runtime::Method * method, session->prepared_method());
  ETRT_TRY_ASSIGN(const auto scope, primary_context(bench));
  const Call through_method = [&]() -> Status {
    const auto code = method->execute();
    if (code == executorch::runtime::Error::Ok) return {};
    return LogCapture::instance().explain(bench.program.name(), code);
  };
  const Call through_module = [&] { return session->execute(); };
  ETRT_TRY_ASSIGN(auto by_method, count_calls(kThroughMethod, through_method, stream, counter, iterations));
  counts.calls.push_back(std::move(by_method));
  ETRT_TRY_ASSIGN(auto by_module, count_calls(kThroughModule, through_module, stream, counter, iterations));
  counts.calls.push_back(std::move(by_module));
  return {};
}

Status count_bindings(const BenchCase& bench, const Stream& stream, std::size_t iterations, CaseCounts& counts) {
  ETRT_TRY_ASSIGN(auto tensors, BenchTensors::on_device(bench, stream.get()));
  ETRT_TRY_ASSIGN(const auto direct, DirectDelegate::create(bench, delegate::Options().max_inflight));
  const StreamGuard guard(stream.get());
  for (std::size_t i = 0; i < kWarmup + iterations; ++i) {
    const ProgramReport before = report().programs.back();
    ETRT_TRY(direct->execute(tensors.arguments()));
    ETRT_TRY(stream.synchronize());
    const ProgramReport after = report().programs.back();
    if (i < kWarmup) continue;
    counts.bindings.add(after.bindings_set - before.bindings_set);
    counts.shapes.add(after.shape_changes - before.shape_changes);
  }
  return {};
}

std::string case_name(const BenchCase& bench) {
  return base::concat(bench.io, " ", printable(bench.name), bench.labelled ? ", labelled CUDA" : "");
}

nlohmann::ordered_json range_json(const Range& range) {
  return {{"least", range.least}, {"most", range.most}};
}

std::string entry_points_text(const std::vector<CaseCounts>& counts) {
  std::vector<Table::Column> columns{{"driver calls of " + std::string(kThroughBackend)}};
  std::map<std::string, std::vector<std::string>> rows;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    columns.push_back({counts[i].bench->io + (counts[i].bench->labelled ? " labelled" : ""), Align::kRight});
    for (const auto& [name, range] : counts[i].calls.front().by_entry_point) {
      auto& row = rows[name];
      row.resize(counts.size(), "0");
      row[i] = range.text();
    }
  }
  Table table(columns);
  for (auto& [name, cells] : rows) {
    cells.insert(cells.begin(), name);
    table.add_row(std::move(cells));
  }
  return table.to_string();
}

}  // namespace

void Range::add(std::uint64_t value) {
  least = std::min(least, value);
  most = std::max(most, value);
}

std::string Range::text() const {
  return least >= most ? std::to_string(most) : base::concat(least, " to ", most);
}

Result<CaseCounts> count_case(const BenchCase& bench, cuda::CallCounter& counter, std::size_t iterations) {
  CaseCounts counts{&bench, {}, {}, {}};
  ETRT_TRY_ASSIGN(const Stream stream, Stream::create(bench.device));
  ETRT_TRY(count_backend(bench, stream, counter, iterations, counts));
  ETRT_TRY(count_executorch(bench, stream, counter, iterations, counts));
  ETRT_TRY(count_bindings(bench, stream, iterations, counts));
  return counts;
}

std::string to_text(const std::vector<CaseCounts>& counts) {
  Table table({{"tensors"},
               {"through"},
               {"driver calls", Align::kRight},
               {"heap allocations", Align::kRight},
               {"host waits", Align::kRight},
               {"bindings set", Align::kRight},
               {"shapes set", Align::kRight}});
  for (const CaseCounts& one : counts) {
    for (const CallCounts& call : one.calls) {
      const bool first = &call == &one.calls.front();
      table.add_row({first ? case_name(*one.bench) : "", call.through, call.driver_calls.text(),
                     counts_allocations() ? call.allocations.text() : "not counted", call.host_waits.text(),
                     first ? one.bindings.text() : "", first ? one.shapes.text() : ""});
    }
  }
  return table.to_string() + "\n" + entry_points_text(counts);
}

nlohmann::ordered_json to_json(const std::vector<CaseCounts>& counts) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  for (const CaseCounts& one : counts) {
    Json entry{{"program", one.bench->name},
               {"inputs", one.bench->inputs.size()},
               {"outputs", one.bench->outputs.size()},
               {"labelled_cuda", one.bench->labelled},
               {"bindings_set", range_json(one.bindings)},
               {"shapes_set", range_json(one.shapes)},
               {"through", Json::object()}};
    for (const CallCounts& call : one.calls) {
      Json entry_points = Json::object();
      for (const auto& [name, range] : call.by_entry_point) entry_points[name] = range_json(range);
      entry["through"][call.through] = {{"calls", call.calls},
                                        {"driver_calls", range_json(call.driver_calls)},
                                        {"by_entry_point", std::move(entry_points)},
                                        {"heap_allocations", nullptr},
                                        {"host_waits", range_json(call.host_waits)}};
      if (counts_allocations()) entry["through"][call.through]["heap_allocations"] = range_json(call.allocations);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace etrt::cli
