// Which loads share an engine, which wait for each other, and what is read to tell.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>

#include <gmock/gmock.h>

#include <engine/engine_cache.h>
#include <process/devices.h>
#include <support/mapped_bytes.h>
#include <support/matchers.h>
#include <support/must.h>

namespace etrt::engine {
namespace {

using support::fails_with;
using support::is_ok;
using support::MappedBytes;
using support::must;
using support::TemporaryFile;

class EmptyEngine final : public Engine {
 public:
  std::span<const TensorInfo> tensors() const override { return {}; }
  Result<std::unique_ptr<ExecutionContext>> create_context(std::optional<int>) override {
    return Error(ErrorCode::kNotSupported, "it has none");
  }
};

/// Counts loads, and does in each what the test asks for.
class TestLoader final : public Loader {
 public:
  std::function<Status()> on_load = [] { return Status(); };
  mutable std::atomic<int> loads{0};

  std::string_view kind() const override { return "test"; }
  Status supports(const cuda::Device&, const Target&, std::span<const std::byte>, const EngineOptions&) const override {
    return {};
  }
  Result<std::unique_ptr<Engine>> load(const cuda::Device&, std::span<const std::byte>,
                                       const EngineOptions&) const override {
    ++loads;
    if (Status status = on_load(); !status.ok()) return std::move(status).error();
    return std::unique_ptr<Engine>(std::make_unique<EmptyEngine>());
  }
};

/// Where threads wait until so many are there; a test in which they do not come fails instead of hanging.
class Meeting {
 public:
  explicit Meeting(int expected) : expected_(expected) {}

  void arrive() {
    const std::lock_guard lock(mutex_);
    ++present_;
    changed_.notify_all();
  }

  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return present_ >= expected_; });
  }

 private:
  const int expected_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int present_ = 0;
};

class Engines : public ::testing::Test {
 protected:
  Result<std::shared_ptr<Engine>> load(std::span<const std::byte> bytes) {
    return cache.load(loader, *device_, bytes, {});
  }

  EngineCache cache;
  TestLoader loader;

 private:
  static process::Settings settings() {
    process::Settings settings;
    settings.virtual_gpu.sm_count = 1;
    return settings;
  }

  const process::Environment environment_{settings()};
  process::Devices devices_{environment_};
  const cuda::Device* device_ = must(devices_.open("virtual"));
};

std::vector<std::byte> filled(std::size_t size, int value) {
  return std::vector<std::byte>(size, static_cast<std::byte>(value));
}

constexpr std::size_t kSize = std::size_t{1} << 20;

TEST_F(Engines, OfDifferentBytesLoadSideBySide) {
  Meeting meeting(2);
  loader.on_load = [&] {
    meeting.arrive();
    return meeting.wait() ? Status() : Error(ErrorCode::kInternal, "one load at a time");
  };
  std::thread other([&] { EXPECT_THAT(load(filled(kSize, 1)), is_ok()); });
  EXPECT_THAT(load(filled(kSize, 2)), is_ok());
  other.join();
  EXPECT_EQ(loader.loads, 2);
}

TEST_F(Engines, OfTheSameBytesAreOne) {
  const auto bytes = filled(kSize, 1);
  const auto engine = must(load(bytes));
  EXPECT_EQ(must(load(bytes)), engine);
  EXPECT_EQ(loader.loads, 1);
}

/// What four threads get that load the same bytes at once; the first stays in the loader until all have begun.
std::vector<Result<std::shared_ptr<Engine>>> load_at_once(
    TestLoader& loader, const std::function<Status()>& ending,
    const std::function<Result<std::shared_ptr<Engine>>()>& load) {
  Meeting begun(4);
  loader.on_load = [&] {
    begun.wait();
    for (int i = 0; i < 100; ++i) std::this_thread::yield();
    return ending();
  };
  std::vector<Result<std::shared_ptr<Engine>>> results(4, Error(ErrorCode::kInternal, "it threw"));
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      begun.arrive();
      try {
        result = load();
      } catch (const std::runtime_error&) {
        result = Error(ErrorCode::kNotSupported, "it threw");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  loader.on_load = [] { return Status(); };
  return results;
}

TEST_F(Engines, OfTheSameBytesThatLoadAtOnceAreOne) {
  const auto bytes = filled(kSize, 1);
  const auto engines = load_at_once(
      loader, [] { return Status(); }, [&] { return load(bytes); });
  for (const auto& engine : engines) {
    ASSERT_THAT(engine, is_ok());
    EXPECT_EQ(*engine, *engines.front());
  }
  EXPECT_EQ(loader.loads, 1);
}

TEST_F(Engines, ThatFailTellAllWhoWaitedAndLoadTheNextTime) {
  const auto bytes = filled(kSize, 1);
  const auto ending = [] { return Status(Error(ErrorCode::kOutOfMemory, "not now")); };
  for (const auto& result : load_at_once(loader, ending, [&] { return load(bytes); })) {
    EXPECT_THAT(result, fails_with(ErrorCode::kOutOfMemory));
  }
  EXPECT_THAT(load(bytes), is_ok());
}

TEST_F(Engines, WhoseLoaderThrowsKeepNobodyWaiting) {
  const auto bytes = filled(kSize, 1);
  const auto ending = []() -> Status { throw std::runtime_error("a loader's own"); };
  for (const auto& result : load_at_once(loader, ending, [&] { return load(bytes); })) {
    EXPECT_THAT(result, fails_with(ErrorCode::kNotSupported));
  }
  EXPECT_THAT(load(bytes), is_ok());
}

TEST_F(Engines, ThatNobodyHoldsAreLoadedAnew) {
  const auto bytes = filled(kSize, 1);
  must(load(bytes)).reset();
  EXPECT_THAT(load(bytes), is_ok());
  EXPECT_EQ(loader.loads, 2);
}

TEST_F(Engines, OfOneMappedFileAreSharedWithoutReadingIt) {
  const TemporaryFile file(filled(kSize, 1));
  const MappedBytes first(file.path());
  const auto engine = must(load(first.get()));
  const MappedBytes second(file.path());
  EXPECT_EQ(must(load(second.get())), engine);
  EXPECT_EQ(cache.hashed_bytes(), 0u);
}

TEST_F(Engines, OfAMappedFileAndOfItsCopyInMemoryAreOne) {
  const auto bytes = filled(kSize, 1);
  const TemporaryFile file(bytes);
  const MappedBytes mapped(file.path());
  const auto engine = must(load(mapped.get()));
  EXPECT_EQ(must(load(bytes)), engine);
  EXPECT_EQ(must(load(mapped.get())), engine);
}

TEST_F(Engines, OfMemoryAndOfAFileThatHoldsTheSameAreOne) {
  const auto bytes = filled(kSize, 1);
  const auto engine = must(load(bytes));
  const TemporaryFile file(bytes);
  const MappedBytes mapped(file.path());
  EXPECT_EQ(must(load(mapped.get())), engine);
}

TEST_F(Engines, OfTwoFilesThatHoldTheSameAreOne) {
  const TemporaryFile one(filled(kSize, 1));
  const TemporaryFile other(filled(kSize, 1));
  const MappedBytes first(one.path());
  const MappedBytes second(other.path());
  const auto engine = must(load(first.get()));
  EXPECT_EQ(must(load(second.get())), engine);
}

TEST_F(Engines, OfFilesThatDifferInOneByteAreTwo) {
  auto bytes = filled(kSize, 1);
  const TemporaryFile one(bytes);
  bytes[kSize / 3] = std::byte{2};
  const TemporaryFile other(bytes);
  const MappedBytes first(one.path());
  const MappedBytes second(other.path());
  const auto engine = must(load(first.get()));
  EXPECT_NE(must(load(second.get())), engine);
  EXPECT_NE(must(load(bytes)), engine);
}

TEST_F(Engines, OfAFileThatWasRewrittenInPlaceAreTwo) {
  const TemporaryFile file(filled(kSize, 1));
  const MappedBytes first(file.path());
  const auto engine = must(load(first.get()));
  file.write(filled(kSize, 2));
  const MappedBytes second(file.path());
  EXPECT_NE(must(load(second.get())), engine);
}

}  // namespace
}  // namespace etrt::engine
