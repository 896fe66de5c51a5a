#include "latency.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "recogniser.h"

namespace digits {
namespace {

constexpr int kBatch = 12;
constexpr int kWarmUp = 20;

struct Scenario {
  std::string name;
  const etrt::Partition* measured;
  const etrt::Partition* neighbour;
  int neighbours;
};

/// Runs copies of the model as fast as they go until it ends.
class Neighbours {
 public:
  explicit Neighbours(std::vector<Recogniser> copies) : copies_(std::move(copies)) {
    for (Recogniser& copy : copies_) {
      threads_.emplace_back([this, &copy] {
        for (int i = 0; !stop_; i = (i + 1) % copy.batches()) {
          if (!copy.enqueue(i).ok() || !copy.wait().ok()) return;
        }
      });
    }
  }
  ~Neighbours() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::vector<Recogniser> copies_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

double percentile(const std::vector<double>& sorted, double p) {
  return sorted[static_cast<std::size_t>(p * static_cast<double>(sorted.size() - 1))];
}

etrt::Result<Latency> measure_calls(Recogniser& copy, const std::string& name, int calls) {
  std::vector<double> times;
  for (int i = 0; i < calls + kWarmUp; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (auto status = copy.enqueue(i % copy.batches()); !status.ok()) return std::move(status).error();
    if (auto status = copy.wait(); !status.ok()) return std::move(status).error();
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    if (i >= kWarmUp) times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  return Latency{name, percentile(times, 0.5), percentile(times, 0.9), percentile(times, 0.99)};
}

}  // namespace

etrt::Result<std::vector<Latency>> measure(const etrt::Device& device, const std::vector<etrt::Partition>& partitions,
                                           const std::string& program, const std::vector<float>& images, int calls) {
  const etrt::Partition* one = &partitions[0];
  const etrt::Partition* two = &partitions[1];
  const Scenario scenarios[] = {
      {"alone, no partition", nullptr, nullptr, 0},
      {"alone, in a partition", one, nullptr, 0},
      {"beside 1 busy copy, no partitions", nullptr, nullptr, 1},
      {"beside 1 busy copy, a partition each", one, two, 1},
      {"beside 4 busy copies, no partitions", nullptr, nullptr, 4},
      {"beside 4 busy copies in the other partition", one, two, 4},
  };
  std::vector<Latency> table;
  for (const Scenario& scenario : scenarios) {
    auto measured = Recogniser::create(device, scenario.measured, program, images, kBatch);
    if (!measured.ok()) return std::move(measured).error();
    std::vector<Recogniser> busy;
    for (int i = 0; i < scenario.neighbours; ++i) {
      auto copy = Recogniser::create(device, scenario.neighbour, program, images, kBatch);
      if (!copy.ok()) return std::move(copy).error();
      busy.push_back(std::move(copy).value());
    }
    const Neighbours neighbours(std::move(busy));
    auto latency = measure_calls(*measured, scenario.name, calls);
    if (!latency.ok()) return std::move(latency).error();
    table.push_back(std::move(latency).value());
  }
  return table;
}

}  // namespace digits
