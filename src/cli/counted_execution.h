#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/span.h>

#include <cli/bench_case.h>
#include <delegate/io_plan.h>
#include <delegate/lane_pool.h>
#include <delegate/counters.h>
#include <delegate/pinned_pool.h>
#include <engine/engine.h>
#include <etrt/result.h>

namespace etrt::cli {

/// What execution contexts were asked to do.
struct ContextCalls {
  std::atomic<std::uint64_t> binds{0};
  std::atomic<std::uint64_t> shapes{0};  ///< input shapes set, and shapes resolved
  std::atomic<std::uint64_t> enqueues{0};
};

/// The delegate's own parts as its Handle puts them together, over an engine that counts what reaches it.
/// Threads: as the delegate's Handle. The blob of the case must outlive `create` only.
class CountedExecution {
 public:
  static Result<std::unique_ptr<CountedExecution>> create(const BenchCase& bench);
  ~CountedExecution();
  CountedExecution(const CountedExecution&) = delete;
  CountedExecution& operator=(const CountedExecution&) = delete;

  Status execute(executorch::runtime::Span<executorch::runtime::EValue*> arguments);
  const ContextCalls& calls() const { return calls_; }

 private:
  explicit CountedExecution(const cuda::Device& device) : device_(device), pinned_(device) {}

  const cuda::Device& device_;
  ContextCalls calls_;
  std::unique_ptr<engine::Engine> engine_;
  delegate::IoPlan plan_;
  delegate::PinnedPool pinned_;
  delegate::Counters counters_;
  std::unique_ptr<delegate::LanePool> lanes_;
};

}  // namespace etrt::cli
