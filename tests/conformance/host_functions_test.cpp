// What CUDA promises about functions of the host in a stream.
#include <atomic>
#include <mutex>

#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

/// Where host functions leave their marks.
struct Journal {
  std::mutex mutex;
  std::vector<int> entries;
};

struct Entry {
  Journal* journal;
  int value;

  static void CUDA_CB write(void* self) {
    auto& entry = *static_cast<Entry*>(self);
    const std::lock_guard lock(entry.journal->mutex);
    entry.journal->entries.push_back(entry.value);
  }
};

void CUDA_CB count_up(void* counter) {
  ++*static_cast<std::atomic<int>*>(counter);
}

class HostFunctions : public ContextFixture {};
ETRT_ON_EVERY_PROVIDER(HostFunctions);

TEST_P(HostFunctions, RunInTheOrderOfTheStream) {
  const auto stream = create_stream();
  Journal journal;
  std::vector<Entry> entries;
  for (int i = 0; i < 10; ++i) entries.push_back({&journal, i});
  for (auto& entry : entries) {
    ASSERT_THAT(driver().cuLaunchHostFunc(stream.get(), &Entry::write, &entry), is_ok());
  }
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(journal.entries, ::testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

TEST_P(HostFunctions, SeeTheWorkBeforeThem) {
  struct Look {
    const std::uint32_t* from;
    std::uint32_t seen;
  };
  const auto pinned = create_pinned();
  const auto stream = create_stream();
  Look look{pinned.data(), 0};
  ASSERT_THAT(kernels().spin(stream.get(), milliseconds(1)), is_ok());
  ASSERT_THAT(kernels().fill_u32(stream.get(), pinned.address(), 7, pinned.count()), is_ok());
  const CUhostFn see = [](void* data) {
    auto& look = *static_cast<Look*>(data);
    look.seen = *look.from;
  };
  ASSERT_THAT(driver().cuLaunchHostFunc(stream.get(), see, &look), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_EQ(look.seen, 7u);
}

TEST_P(HostFunctions, AreSeenByTheWorkAfterThem) {
  const auto pinned = create_pinned(1);
  const auto buffer = create_buffer(1);
  const auto stream = create_stream();
  const CUhostFn write = [](void* data) { *static_cast<std::uint32_t*>(data) = 7; };
  ASSERT_THAT(driver().cuLaunchHostFunc(stream.get(), write, pinned.data()), is_ok());
  ASSERT_THAT(kernels().copy_u32(stream.get(), buffer.address(), pinned.address(), 1), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(HostFunctions, DoNotRunBehindAClosedGate) {
  const auto stream = create_stream();
  std::atomic<int> calls{0};
  auto gate = close_gate(stream.get());
  ASSERT_THAT(driver().cuLaunchHostFunc(stream.get(), &count_up, &calls), is_ok());
  give_others_a_chance();
  EXPECT_EQ(calls, 0);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_EQ(calls, 1);
}

TEST_P(HostFunctions, AreCoveredByEvents) {
  const auto event = create_event();
  const auto stream = create_stream();
  std::atomic<int> calls{0};
  ASSERT_THAT(driver().cuLaunchHostFunc(stream.get(), &count_up, &calls), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  EXPECT_EQ(calls, 1);
}

TEST_P(HostFunctions, RunOnAnotherThreadThanTheCallers) {
  struct Who {
    std::thread::id id;
  };
  const auto stream = create_stream();
  Who who;
  const CUhostFn tell = [](void* data) { static_cast<Who*>(data)->id = std::this_thread::get_id(); };
  ASSERT_THAT(driver().cuLaunchHostFunc(stream.get(), tell, &who), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_NE(who.id, std::this_thread::get_id());
  EXPECT_NE(who.id, std::thread::id());
}

TEST_P(HostFunctions, ANullFunctionIsAnInvalidValue) {
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuLaunchHostFunc(stream.get(), nullptr, nullptr), fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
