#include <chrono>
#include <optional>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <cli/bench_ratios.h>
#include <cli/bench_tensors.h>
#include <cli/direct_delegate.h>
#include <cli/latency_table.h>
#include <cli/text.h>
#include <delegate/load/options.h>
#include <etrt/stream.h>
#include <etrt/stream_guard.h>

namespace etrt::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kWarmupRounds = 10;
constexpr std::size_t kLaneStreams = 2;
constexpr std::size_t kCallsPerStream = 4;

/// One variant: what is timed, and what has to happen after it before the next one may be timed.
struct Variant {
  std::string name;
  std::function<Status()> timed;
  std::function<Status()> settle;
};

Result<Comparison> compare(std::string title, const std::vector<Variant>& variants, std::size_t rounds,
                           const std::function<void()>& tick) {
  std::vector<std::vector<double>> times(variants.size());
  for (std::size_t round = 0; round < kWarmupRounds + rounds; ++round) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      const auto before = Clock::now();
      Status status = variants[i].timed();
      const std::chrono::duration<double, std::micro> time = Clock::now() - before;
      ETRT_TRY(std::move(status));
      ETRT_TRY(variants[i].settle());
      if (round >= kWarmupRounds) times[i].push_back(time.count());
    }
    tick();
  }
  Comparison comparison{std::move(title), {}};
  for (std::size_t i = 0; i < variants.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < rounds; ++round) ratios.push_back(times[i][round] / times[0][round]);
    comparison.variants.push_back({variants[i].name, summarize(times[i]), summarize(std::move(ratios))});
  }
  return comparison;
}

/// A round of `compare_slots`: every stream gets its calls in turn, then all are waited for.
Status run_on_all(const DirectDelegate& direct, std::vector<Stream>& streams, std::vector<BenchTensors>& tensors) {
  for (std::size_t i = 0; i < kCallsPerStream * streams.size(); ++i) {
    const StreamGuard guard(streams[i % streams.size()].get());
    ETRT_TRY(direct.execute(tensors[i % streams.size()].arguments()));
  }
  for (const Stream& stream : streams) ETRT_TRY(stream.synchronize());
  return {};
}

}  // namespace

Result<Comparison> compare_calls(const BenchCase& bench, std::size_t rounds, const std::function<void()>& tick) {
  ETRT_TRY_ASSIGN(const Stream stream, Stream::create(bench.device));
  ETRT_TRY_ASSIGN(const auto direct, DirectDelegate::create(bench, delegate::Options().max_inflight));
  ETRT_TRY_ASSIGN(auto resident, BenchTensors::on_device(bench, stream.get()));
  ETRT_TRY(stream.synchronize());
  std::optional<BenchTensors> on_host;
  if (!bench.labelled) on_host = BenchTensors::on_host(bench);

  const auto guarded = [&](BenchTensors& tensors) {
    const StreamGuard guard(stream.get());
    return direct->execute(tensors.arguments());
  };
  const auto synchronize = [&] { return stream.synchronize(); };
  const auto nothing = [] { return Status(); };
  std::vector<Variant> variants{
      {"guard, device memory: until execute() returns", [&] { return guarded(resident); }, synchronize},
      {"guard, device memory: until the stream is done",
       [&]() -> Status {
         ETRT_TRY(guarded(resident));
         return stream.synchronize();
       },
       nothing},
      {"no guard, device memory", [&] { return direct->execute(resident.arguments()); }, nothing}};
  if (on_host) {
    variants.push_back({"guard, host memory", [&] { return guarded(*on_host); }, synchronize});
    variants.push_back({"no guard, host memory", [&] { return direct->execute(on_host->arguments()); }, nothing});
  }
  return compare("one execute()", variants, rounds, tick);
}

Result<Comparison> compare_slots(const BenchCase& bench, std::size_t rounds, const std::function<void()>& tick) {
  const int by_default = delegate::Options().max_inflight;
  ETRT_TRY_ASSIGN(const auto one, DirectDelegate::create(bench, 1));
  ETRT_TRY_ASSIGN(const auto several, DirectDelegate::create(bench, by_default));
  std::vector<Stream> streams;
  std::vector<BenchTensors> tensors;
  for (std::size_t i = 0; i < kLaneStreams; ++i) {
    ETRT_TRY_ASSIGN(Stream stream, Stream::create(bench.device));
    ETRT_TRY_ASSIGN(BenchTensors own, BenchTensors::on_device(bench, stream.get()));
    streams.push_back(std::move(stream));
    tensors.push_back(std::move(own));
  }
  const auto nothing = [] { return Status(); };
  const std::vector<Variant> variants{
      {"max_inflight=1", [&] { return run_on_all(*one, streams, tensors); }, nothing},
      {base::concat("max_inflight=", by_default), [&] { return run_on_all(*several, streams, tensors); }, nothing}};
  return compare(base::concat(kCallsPerStream, " executions on each of ", kLaneStreams, " streams of one handle"),
                 variants, rounds, tick);
}

std::string to_text(const Comparison& comparison) {
  Table table({{comparison.title},
               {"ratio p50", Align::kRight},
               {"p90", Align::kRight},
               {"p99", Align::kRight},
               {"spread", Align::kRight}});
  for (const auto& [name, time, ratio] : comparison.variants) {
    table.add_row(
        {name, number_text(ratio.p50), number_text(ratio.p90), number_text(ratio.p99), percent_text(ratio.spread)});
  }
  return table.to_string(2);
}

nlohmann::ordered_json to_json(const Comparison& comparison) {
  nlohmann::ordered_json document{{"title", comparison.title}, {"variants", nlohmann::ordered_json::array()}};
  for (const TimedVariant& variant : comparison.variants) {
    document["variants"].push_back({{"name", variant.name},
                                    {"time", summary_json(variant.time)},
                                    {"ratio",
                                     {{"p50", variant.ratio.p50},
                                      {"p90", variant.ratio.p90},
                                      {"p99", variant.ratio.p99},
                                      {"spread", variant.ratio.spread}}}});
  }
  return document;
}

}  // namespace etrt::cli
