#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <cli/bench_case.h>
#include <cli/statistics.h>
#include <etrt/result.h>

namespace etrt::cli {

/// One way to do something, against the first way of its comparison.
struct TimedVariant {
  std::string name;
  Summary time;   ///< µs of one round
  Summary ratio;  ///< of each round's time to the first variant's time in the same round
};

/// Several ways to do the same, timed in turns within one run.
struct Comparison {
  std::string title;
  std::vector<TimedVariant> variants;
};

/// How long execute() keeps its caller, with and without a guard, on device and host memory.
Result<Comparison> compare_calls(const BenchCase& bench, std::size_t rounds, const std::function<void()>& tick);

/// Two streams over one handle, with one execution in flight at a time and with as many as by default.
Result<Comparison> compare_slots(const BenchCase& bench, std::size_t rounds, const std::function<void()>& tick);

std::string to_text(const Comparison& comparison);
nlohmann::ordered_json to_json(const Comparison& comparison);

}  // namespace etrt::cli
