#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <cli/bench_case.h>
#include <cuda/call_counter.h>
#include <etrt/result.h>

namespace etrt::cli {

/// The fewest and the most of something in any one call.
struct Range {
  std::uint64_t least = UINT64_MAX;
  std::uint64_t most = 0;

  void add(std::uint64_t value);
  std::string text() const;  ///< "9", "9 to 11"
};

/// What one call did, over many calls at steady state.
struct CallCounts {
  std::string through;  ///< what was called
  std::size_t calls = 0;
  Range driver_calls;
  std::map<std::string, Range> by_entry_point;  ///< of those that were called at all
  Range allocations;
  Range host_waits;  ///< calls of cuStreamSynchronize, cuEventSynchronize, cuCtxSynchronize and cuMemcpy
};

struct CaseCounts {
  const BenchCase* bench;
  std::vector<CallCounts> calls;
  Range bindings;  ///< bindings set again by one call
  Range shapes;    ///< shapes set or resolved again by one call
};

/// Counts, guarded and device-resident. `counter` is the hook of the process's driver tables.
Result<CaseCounts> count_case(const BenchCase& bench, cuda::CallCounter& counter, std::size_t iterations);

std::string to_text(const std::vector<CaseCounts>& counts);
nlohmann::ordered_json to_json(const std::vector<CaseCounts>& counts);

}  // namespace etrt::cli
