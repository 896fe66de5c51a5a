// Everything at once: threads, handles, streams, shapes and lifetimes at random, with the order checker on.

#include <atomic>
#include <chrono>
#include <delegate_fixture.h>
#include <mutex>
#include <random>

#include <etrt/event.h>

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

  /// A call whose result nobody has waited for yet. Its handle and its stream may be gone by then.
  struct Pending {
    std::unique_ptr<DeviceTensor> in;
    std::unique_ptr<DeviceTensor> out;
    Event done;
    std::vector<std::int32_t> expected;

    void check() const {
      ASSERT_THAT(done.synchronize(), is_ok());
      ASSERT_EQ(out->read(), expected);
    }
  };

  /// One thread's life: calls at random until the deadline. Its tensors and streams are its own.
  void live(Handles& handles, unsigned seed, std::atomic<std::uint64_t>& executed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    const auto deadline = std::chrono::steady_clock::now() + kDuration;
    while (std::chrono::steady_clock::now() < deadline && !HasFailure()) {
      auto [partitions, streams] = create_streams();
      std::vector<Pending> pending;
      for (int round = 0; round < 8; ++round) {
        const Call call{static_cast<std::int32_t>(below(kMaxRows)) + 1, static_cast<std::int32_t>(below(1000))};
        make(call, handles.get(below(kHandles)), streams[below(streams.size())], below(8), pending);
        ++executed;
        if (below(8) == 0) handles.replace(below(kHandles));
      }
      if (below(2) == 0) streams.clear();
      for (const Pending& call : pending) call.check();
    }
  }

  struct Call {
    std::int32_t rows;
    std::int32_t value;

    std::vector<std::int32_t> shape() const { return {rows, 4}; }
    std::vector<std::int32_t> expected() const {
      return std::vector<std::int32_t>(static_cast<std::size_t>(rows) * 4, value + 1);
    }
  };

  void make(const Call& call, std::shared_ptr<delegate::Handle> handle, const Stream& stream, std::size_t kind,
            std::vector<Pending>& pending) {
    switch (kind) {
      case 0:
        return without_guard(call, *handle);
      case 1:
        return with_host_input(call, *handle, stream);
      case 2:
        return captured(call, *handle, stream);
      default:
        return left_in_flight(call, std::move(handle), stream, pending);
    }
  }

  static void without_guard(const Call& call, delegate::Handle& handle) {
    HostTensor in(call.shape(), call.value);
    HostTensor out(call.shape(), 0, TensorShapeDynamism::DYNAMIC_BOUND);
    ASSERT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
    ASSERT_EQ(out.values, call.expected());
  }

  void with_host_input(const Call& call, delegate::Handle& handle, const Stream& stream) const {
    const StreamGuard guard(stream.get());
    HostTensor in(call.shape(), call.value);
    DeviceTensor out(device(), call.shape(), 0);
    ASSERT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
    std::fill(in.values.begin(), in.values.end(), -1);
    ASSERT_THAT(stream.synchronize(), is_ok());
    ASSERT_EQ(out.read(), call.expected());
  }

  /// In relaxed mode: the other threads allocate as they please.
  void captured(const Call& call, delegate::Handle& handle, const Stream& stream) const {
    const StreamGuard guard(stream.get());
    DeviceTensor in(device(), call.shape(), call.value);
    DeviceTensor out(device(), call.shape(), 0);
    ASSERT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(driver().cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_RELAXED), is_ok());
    const Status status = execute(handle, in.tensor, out.tensor);
    const cuda::Graph graph = end_capture(stream);
    // Another thread may have taken the context that ran with these shapes.
    if (status.ok()) {
      const auto scope = must(cuda::CurrentContext::push(driver(), device().native().primary));
      const auto exec = must(cuda::create_graph_exec(driver(), graph));
      ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
      ASSERT_THAT(stream.synchronize(), is_ok());
    } else {
      ASSERT_THAT(status, fails_with(ErrorCode::kInvalidState));
      ASSERT_THAT(stream.synchronize(), is_ok());
    }
    ASSERT_EQ(out.read(), call.expected());
  }

  /// Another thread may have replaced the handle already: its end then waits for this work.
  void left_in_flight(const Call& call, std::shared_ptr<delegate::Handle> handle, const Stream& stream,
                      std::vector<Pending>& pending) const {
    Pending left{std::make_unique<DeviceTensor>(device(), call.shape(), call.value),
                 std::make_unique<DeviceTensor>(device(), call.shape(), 0), must(Event::create(device())),
                 call.expected()};
    {
      const StreamGuard guard(stream.get());
      for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(*handle, left.in->tensor, left.out->tensor), is_ok());
    }
    handle.reset();
    ASSERT_THAT(left.done.record(stream.get()), is_ok());
    pending.push_back(std::move(left));
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
