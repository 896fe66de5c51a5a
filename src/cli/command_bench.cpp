// etrt bench: what the delegate itself costs, in counts and in ratios of times.

#include <filesystem>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <cli/allocation_counter.h>
#include <cli/bench_counts.h>
#include <cli/bench_ratios.h>
#include <cli/commands.h>
#include <cli/output.h>
#include <cli/progress.h>
#include <cli/text.h>
#include <process/process.h>

namespace etrt::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kCountedCalls = 1000;
constexpr std::size_t kTimedRounds = 200;

/// The examples, which lie where they are relative to this program, in the build tree and where it is installed.
Result<std::vector<std::string>> programs_of(const BenchOptions& options) {
  if (!options.programs.empty()) return options.programs;
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto examples = (self.parent_path() / ETRT_EXAMPLES_FROM_PROGRAM).lexically_normal();
  std::vector<std::string> programs;
  for (const char* name : {"digits_xnnpack.pte", "eight_io.pte"}) {
    programs.push_back((examples / name).string());
    if (!std::filesystem::exists(programs.back(), error)) {
      return Error(ErrorCode::kNotFound, base::concat("the examples to measure are not in '", examples.string(),
                                                      "', where etrt installs them: name a program with --program"));
    }
  }
  return programs;
}

std::string heading(const Device& device) {
  return base::concat("on ", device.name(), " (", printable(device.description()), ")");
}

Status bench_counts(const BenchOptions& options) {
  // The hook has to be in place before any device is opened, and stays for as long as drivers live.
  static auto* const counter = new cuda::CallCounter();
  process::Process::instance().devices().install_hook(*counter);
  ETRT_TRY_ASSIGN(const Device device, Device::open(options.device));
  ETRT_TRY_ASSIGN(const std::vector<std::string> programs, programs_of(options));
  ETRT_TRY_ASSIGN(const auto cases, open_cases(programs, device));

  const std::size_t iterations = options.iterations > 0 ? static_cast<std::size_t>(options.iterations) : kCountedCalls;
  std::vector<CaseCounts> counts;
  Progress progress("counting");
  for (const BenchCase& one : cases) {
    ETRT_TRY_ASSIGN(CaseCounts counted, count_case(one, *counter, iterations));
    counts.push_back(std::move(counted));
    progress.update(counts.size(), cases.size());
  }
  if (options.json) {
    return print(Json{{"device", device.name()},
                      {"iterations", iterations},
                      {"allocations_counted", counts_allocations()},
                      {"cases", to_json(counts)}});
  }
  return print(base::concat("Per call at steady state, guarded and device-resident, over ", iterations, " calls, ",
                            heading(device), ":\n\n", to_text(counts)));
}

Status bench_times(const BenchOptions& options) {
  ETRT_TRY_ASSIGN(const Device device, Device::open(options.device));
  ETRT_TRY_ASSIGN(const std::vector<std::string> programs, programs_of(options));
  const std::size_t rounds = options.iterations > 0 ? static_cast<std::size_t>(options.iterations) : kTimedRounds;
  Json document{{"device", device.name()}, {"rounds", rounds}, {"programs", Json::array()}};
  std::string text = base::concat("Variants in turns, ", rounds, " rounds, ", heading(device), ":\n");
  for (const std::string& path : programs) {
    ETRT_TRY_ASSIGN(const BenchCase bench, open_case(path, device, false));
    Progress progress("timing");
    std::size_t done = 0;
    const auto tick = [&] { progress.update(++done, 2 * rounds); };
    ETRT_TRY_ASSIGN(const Comparison calls, compare_calls(bench, rounds, tick));
    ETRT_TRY_ASSIGN(const Comparison slots, compare_slots(bench, rounds, tick));
    text +=
        base::concat("\n", printable(bench.name), ", ", bench.io, " tensors\n", to_text(calls), "\n", to_text(slots));
    document["programs"].push_back({{"program", path}, {"comparisons", Json::array({to_json(calls), to_json(slots)})}});
  }
  if (options.json) return print(document);
  return print(text +
               "\n  ratio: each round's time to that of the first line in the same round; spread = (p90 - p10) / p50;\n"
               "  the times themselves, which say little about another machine: --json\n");
}

}  // namespace

Status command_bench(const BenchOptions& options) {
  return options.counts ? bench_counts(options) : bench_times(options);
}

}  // namespace etrt::cli
