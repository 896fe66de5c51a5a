// Where nested programs run: in many contexts at once, inside of their partition, on no thread that ExecuTorch shares.

#include <atomic>
#include <future>
#include <mutex>
#include <program_fixture.h>
#include <set>

#include <executorch/runtime/core/function_ref.h>

#include <process/process.h>

// ExecuTorch's thread pool, whose header is not installed with it: what is called here.
namespace executorch::extension::threadpool {
class ThreadPool {
 public:
  std::size_t get_thread_count() const;
  void run(executorch::runtime::FunctionRef<void(std::size_t)> function, std::size_t range);
};
ThreadPool* get_threadpool();
}  // namespace executorch::extension::threadpool

namespace etrt::test {
namespace {

class ProgramThreads : public ProgramEngine {};
ETRT_ON_THE_VIRTUAL_GPU(ProgramThreads);

TEST_P(ProgramThreads, AnXnnpackProgramRunsInManyContextsAtOnce) {
  const auto handle = load_program(ETRT_EXAMPLES "/digits/digits_xnnpack.pte", 1, 1);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      Floats image({3, 1, 8, 8}, 0.5f), logits({15, 10}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
      const Stream stream = create_stream();
      const StreamGuard guard(stream.get());
      std::vector<float> first;
      for (int i = 0; i < 20; ++i) {
        ASSERT_THAT(execute(*handle, image.tensor, logits.tensor), is_ok());
        if (first.empty()) first = logits.values;
        ASSERT_EQ(logits.values, first);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_P(ProgramThreads, KeepsToTheCoresOfItsPartition) {
  const auto handle = load_program(program("slow.pte"), 1, 1);
  const auto partition = must(Partition::create(device(), 1));
  const Stream stream = must(partition.create_stream());
  struct Cores final : vgpu::Observer {
    std::mutex mutex;
    std::set<int> cpus;
    void finished(const vgpu::OperationRecord& record) override {
      const std::lock_guard lock(mutex);
      if (record.partition_id != 0) cpus.insert(record.cpu);
    }
  } cores;
  process::Process::instance().devices().virtual_gpu().set_observer(&cores);
  Floats x({64, 64}, 0.01f), y({64, 64}, 0);
  {
    const StreamGuard guard(stream.get());
    for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
  }
  process::Process::instance().devices().virtual_gpu().set_observer(nullptr);
  EXPECT_EQ(cores.cpus.size(), 1u);
}

/// Keeps ExecuTorch's shared thread pool busy: whoever wants to run something on it waits until this ends. One at a
/// time.
class BusyThreadPool {
 public:
  BusyThreadPool() {
    started_ = false;
    released_ = false;
    thread_ = std::thread([] {
      const auto hold = [](std::size_t) {
        started_ = true;
        started_.notify_all();
        released_.wait(false);
      };
      pool().run(hold, thread_count());
    });
    started_.wait(false);
  }
  ~BusyThreadPool() {
    released_ = true;
    released_.notify_all();
    thread_.join();
  }
  BusyThreadPool(const BusyThreadPool&) = delete;
  BusyThreadPool& operator=(const BusyThreadPool&) = delete;

  static std::size_t thread_count() { return pool().get_thread_count(); }

 private:
  static executorch::extension::threadpool::ThreadPool& pool() {
    return *executorch::extension::threadpool::get_threadpool();
  }

  // Of no object: ThreadSanitizer does not see how the pool hands work to its threads.
  static inline std::atomic<bool> started_;
  static inline std::atomic<bool> released_;
  std::thread thread_;
};

TEST_P(ProgramThreads, RunsNothingOnTheThreadsThatExecuTorchShares) {
  if (BusyThreadPool::thread_count() < 2) GTEST_SKIP() << "ExecuTorch's thread pool has one thread, which is nobody's";
  const auto xnnpack = load_program(ETRT_EXAMPLES "/digits/digits_xnnpack.pte", 1, 1);
  const auto portable = load_program(program("slow.pte"), 1, 1);
  Floats image({15, 1, 8, 8}, 0.5f), logits({15, 10}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  Floats x({64, 64}, 0.01f), y({64, 64}, 0);
  auto busy = std::make_unique<BusyThreadPool>();
  auto of_xnnpack = std::async(std::launch::async, [&] { return execute(*xnnpack, image.tensor, logits.tensor); });
  auto of_portable = std::async(std::launch::async, [&] { return execute(*portable, x.tensor, y.tensor); });
  constexpr std::chrono::seconds kPatience{20};
  EXPECT_EQ(of_xnnpack.wait_for(kPatience), std::future_status::ready) << "XNNPACK wants the shared threads";
  EXPECT_EQ(of_portable.wait_for(kPatience), std::future_status::ready) << "a kernel wants the shared threads";
  busy.reset();
  EXPECT_THAT(of_xnnpack.get(), is_ok());
  EXPECT_THAT(of_portable.get(), is_ok());
}

}  // namespace
}  // namespace etrt::test
