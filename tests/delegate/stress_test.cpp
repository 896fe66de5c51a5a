// Everything at once: threads, handles, streams, shapes and lifetimes at random, with the order checker on.

#include <atomic>
#include <chrono>
#include <delegate_fixture.h>
#include <mutex>
#include <random>

namespace etrt::test {
namespace {

constexpr int kThreads = 8;
constexpr int kHandles = 8;
constexpr std::chrono::seconds kDuration{20};
constexpr std::int32_t kMaxRows = 32;

/// Handles that any thread may use and any thread may replace, the old one dying with its work in flight.
class Handles {
 public:
  explicit Handles(std::function<std::unique_ptr<delegate::Handle>()> load) : load_(std::move(load)) {
    for (auto& slot : slots_) slot = load_();
  }

  std::shared_ptr<delegate::Handle> get(std::size_t index) {
    const std::lock_guard lock(mutex_);
    return slots_[index];
  }

  void replace(std::size_t index) {
    std::shared_ptr<delegate::Handle> fresh = load_();
    const std::lock_guard lock(mutex_);
    slots_[index].swap(fresh);
  }

 private:
  const std::function<std::unique_ptr<delegate::Handle>()> load_;
  std::mutex mutex_;
  std::array<std::shared_ptr<delegate::Handle>, kHandles> slots_;
};

class Stress : public DelegateTest {
 protected:
  /// Streams of the whole device and of two partitions that share no SM.
  struct Streams {
    std::vector<Partition> partitions;
    std::vector<Stream> streams;
  };

  Streams create_streams() const {
    Streams made;
    made.streams.push_back(create_stream());
    if (const auto limits = device().partition_limits(); limits.ok()) {
      made.partitions = must(Partition::split(device(), {limits->minimum, limits->minimum}));
      for (const auto& partition : made.partitions) made.streams.push_back(must(partition.create_stream()));
    }
    return made;
  }

  /// One thread's life: calls at random until the deadline. Its tensors and streams are its own.
  void live(Handles& handles, unsigned seed, std::atomic<std::uint64_t>& executed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    const auto deadline = std::chrono::steady_clock::now() + kDuration;
    while (std::chrono::steady_clock::now() < deadline && !HasFailure()) {
      const auto [partitions, streams] = create_streams();
      for (int round = 0; round < 8; ++round) {
        const auto rows = static_cast<std::int32_t>(below(kMaxRows)) + 1;
        const auto value = static_cast<std::int32_t>(below(1000));
        call(*handles.get(below(kHandles)), streams[below(streams.size())], rows, value, below(4));
        ++executed;
      }
      if (below(4) == 0) handles.replace(below(kHandles));
    }
  }

  void call(delegate::Handle& handle, const Stream& stream, std::int32_t rows, std::int32_t value, std::size_t kind) {
    const std::vector<std::int32_t> expected(static_cast<std::size_t>(rows) * 4, value + 1);
    if (kind == 0) {  // no guard, host memory
      HostTensor in({rows, 4}, value);
      HostTensor out({rows, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
      ASSERT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
      ASSERT_EQ(out.values, expected);
      return;
    }
    const StreamGuard guard(stream.get());
    DeviceTensor out(device(), {rows, 4}, 0);
    if (kind == 1) {  // staged input, overwritten at once
      HostTensor in({rows, 4}, value);
      ASSERT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
      std::fill(in.values.begin(), in.values.end(), -1);
      ASSERT_THAT(stream.synchronize(), is_ok());
    } else {  // on the device, several in flight
      DeviceTensor in(device(), {rows, 4}, value);
      for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
      ASSERT_THAT(stream.synchronize(), is_ok());
    }
    ASSERT_EQ(out.read(), expected);
  }
};
ETRT_ON_EVERY_DEVICE(Stress);

TEST_P(Stress, EightThreadsAndEightHandlesMakeNoMistake) {
  std::atomic<unsigned> loads{0};
  Handles handles([this, &loads] {
    KernelPlan plan = KernelPlan::dynamic(1, kMaxRows);
    plan.caller_gives_memory = ++loads % 2 == 0;
    return load(plan, 2);
  });
  std::atomic<std::uint64_t> executed{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      try {
        live(handles, 1000 + t, executed);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GT(executed.load(), 0u);
  RecordProperty("executed", std::to_string(executed.load()));
}

}  // namespace
}  // namespace etrt::test
