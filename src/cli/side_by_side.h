#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include <etrt/result.h>

namespace etrt::cli {

/// What the threads of `run_side_by_side` measured.
struct SideBySide {
  std::vector<std::vector<double>> latencies_us;  ///< a list a thread, one value an iteration
  double wall_us = 0;                             ///< from the common start to the last thread's end
};

/// A thread each for `count` workers: `prepare(i)`, then, all from one moment on, `iterations` timed calls of
/// `call(i)`. A worker that fails ends all of them; its error is the result.
struct Work {
  std::function<Status(std::size_t worker)> prepare;
  std::function<Status(std::size_t worker)> call;
  std::size_t iterations = 1;
  std::function<void(std::size_t done)> progress;  ///< called by the first worker between timed calls; may be empty
};
Result<SideBySide> run_side_by_side(std::size_t count, const Work& work);

}  // namespace etrt::cli
