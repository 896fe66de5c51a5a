#include <atomic>
#include <barrier>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include <cli/side_by_side.h>

namespace etrt::cli {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

/// The first failure of any worker, and the sign for the others to end.
class FirstFailure {
 public:
  bool ok() const { return !failed_.load(std::memory_order_relaxed); }

  void note(Status status) {
    if (status.ok()) return;
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(status).error();
    failed_ = true;
  }

  Status take() { return error_ ? Status(std::move(*error_)) : Status(); }

 private:
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::optional<Error> error_;
};

}  // namespace

Result<SideBySide> run_side_by_side(std::size_t count, const Work& work) {
  SideBySide result;
  result.latencies_us.resize(count);
  FirstFailure failure;
  Clock::time_point start;
  std::barrier ready(static_cast<std::ptrdiff_t>(count), [&]() noexcept { start = Clock::now(); });

  const auto run = [&](std::size_t worker) {
    std::vector<double>& latencies = result.latencies_us[worker];
    latencies.reserve(work.iterations);
    failure.note(work.prepare(worker));
    ready.arrive_and_wait();
    for (std::size_t i = 0; i < work.iterations && failure.ok(); ++i) {
      const auto before = Clock::now();
      Status status = work.call(worker);
      latencies.push_back(microseconds(Clock::now() - before));
      failure.note(std::move(status));
      if (worker == 0 && work.progress) work.progress(i + 1);
    }
  };

  {
    std::vector<std::jthread> threads;
    for (std::size_t worker = 0; worker < count; ++worker) threads.emplace_back(run, worker);
  }
  result.wall_us = microseconds(Clock::now() - start);
  if (Status status = failure.take(); !status.ok()) return std::move(status).error();
  return result;
}

}  // namespace etrt::cli
