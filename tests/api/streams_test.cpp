#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <api/guard_access.h>
#include <etrt/event.h>
#include <etrt/stream.h>
#include <etrt/stream_guard.h>
#include <support/matchers.h>

namespace etrt::test {
namespace {

using support::is_ok;

TEST(Streams, SynchroniseAndTellWhetherTheyAreDone) {
  const auto device = Device::open("virtual");
  const auto stream = Stream::create(*device);
  ASSERT_THAT(stream, is_ok());
  EXPECT_THAT(stream->synchronize(), is_ok());
  const auto done = stream->is_done();
  ASSERT_THAT(done, is_ok());
  EXPECT_TRUE(*done);
}

TEST(Streams, WaitForEventsOfOtherStreams) {
  const auto device = Device::open("virtual");
  const auto one = Stream::create(*device);
  const auto two = Stream::create(*device);
  auto event = Event::create(*device);
  ASSERT_THAT(event, is_ok());
  EXPECT_TRUE(event->is_done().value()) << "nothing was recorded";
  ASSERT_THAT(event->record(one->get()), is_ok());
  ASSERT_THAT(two->wait(*event), is_ok());
  ASSERT_THAT(two->synchronize(), is_ok());
  EXPECT_TRUE(event->is_done().value());
  EXPECT_THAT(event->synchronize(), is_ok());
}

TEST(Streams, MoveWithTheirHandle) {
  const auto device = Device::open("virtual");
  auto stream = Stream::create(*device).value();
  const cudaStream_t handle = stream.get();
  Stream moved = std::move(stream);
  EXPECT_EQ(moved.get(), handle);
  moved = Stream::create(*device).value();
  EXPECT_NE(moved.get(), handle);
}

TEST(StreamGuards, NestAndRestore) {
  EXPECT_EQ(StreamGuard::current(), std::nullopt);
  const auto device = Device::open("virtual");
  const auto outer = Stream::create(*device).value();
  const auto inner = Stream::create(*device).value();
  {
    const StreamGuard first(outer.get());
    {
      const StreamGuard second(inner.get());
      EXPECT_EQ(StreamGuard::current(), inner.get());
    }
    EXPECT_EQ(StreamGuard::current(), outer.get());
  }
  EXPECT_EQ(StreamGuard::current(), std::nullopt);
}

TEST(StreamGuards, MayChooseTheNullStream) {
  const StreamGuard guard(nullptr);
  ASSERT_TRUE(StreamGuard::current().has_value());
  EXPECT_EQ(*StreamGuard::current(), nullptr);
}

TEST(StreamGuards, MayBeginBeforeAnyDeviceIsOpen) {
  int not_a_stream = 0;
  const StreamGuard guard(reinterpret_cast<cudaStream_t>(&not_a_stream));
  EXPECT_TRUE(StreamGuard::current().has_value());
}

/// Guards whose lives are not scopes.
class StrayGuards : public testing::Test {
 protected:
  StrayGuards() {
    told().clear();
    detail::log_guard_misuse_with([](const char* message) { told().emplace_back(message); });
  }
  ~StrayGuards() override { detail::log_guard_misuse_with(nullptr); }

  static std::vector<std::string>& told() {
    static std::vector<std::string> messages;
    return messages;
  }
  std::unique_ptr<StreamGuard> guard(const Stream& stream) { return std::make_unique<StreamGuard>(stream.get()); }

  Device device_ = Device::open("virtual").value();
  Stream one_ = Stream::create(device_).value();
  Stream two_ = Stream::create(device_).value();
  Stream three_ = Stream::create(device_).value();
};

TEST_F(StrayGuards, OneThatEndsBeforeThoseInsideOfItLeavesThemInTheirOrder) {
  auto outermost = guard(one_);
  auto middle = guard(two_);
  auto innermost = guard(three_);
  middle.reset();
  EXPECT_EQ(StreamGuard::current(), three_.get());
  innermost.reset();
  EXPECT_EQ(StreamGuard::current(), one_.get());
  outermost.reset();
  EXPECT_EQ(StreamGuard::current(), std::nullopt);
}

TEST_F(StrayGuards, HandOverHandTheLastOneCounts) {
  auto held = guard(one_);
  for (int i = 0; i < 100; ++i) {
    auto next = guard(i % 2 == 0 ? two_ : three_);
    held = std::move(next);
    EXPECT_EQ(StreamGuard::current(), i % 2 == 0 ? two_.get() : three_.get());
  }
}

TEST_F(StrayGuards, OneThatEndsOnAnotherThreadCountsNoLongerOnItsOwn) {
  auto outer = guard(one_);
  auto inner = guard(two_);
  std::thread([&] {
    const StreamGuard own(three_.get());
    inner.reset();
    EXPECT_EQ(StreamGuard::current(), three_.get());
  }).join();
  EXPECT_EQ(StreamGuard::current(), one_.get());
}

TEST_F(StrayGuards, OneThatOutlivesItsThreadChangesNothingOnTheThreadThatEndsIt) {
  std::unique_ptr<StreamGuard> orphan;
  std::thread([&] { orphan = guard(two_); }).join();
  const StreamGuard own(one_.get());
  orphan.reset();
  EXPECT_EQ(StreamGuard::current(), one_.get());
}

TEST_F(StrayGuards, ManyThreadsMayEndTheGuardsOfOne) {
  const StreamGuard outermost(one_.get());
  for (int round = 0; round < 50; ++round) {
    std::vector<std::unique_ptr<StreamGuard>> guards;
    for (int i = 0; i < 4; ++i) guards.push_back(guard(two_));
    std::vector<std::thread> threads;
    for (auto& stray : guards) threads.emplace_back([&stray] { stray.reset(); });
    for (int i = 0; i < 20; ++i) {
      const StreamGuard own(three_.get());
      EXPECT_EQ(StreamGuard::current(), three_.get());
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(StreamGuard::current(), one_.get());
  }
}

TEST_F(StrayGuards, AreToldOfOnce) {
  {
    const StreamGuard outer(one_.get());
    const StreamGuard inner(two_.get());
  }
  EXPECT_THAT(told(), testing::IsEmpty());
  for (int i = 0; i < 2; ++i) {
    auto outer = guard(one_);
    const auto inner = guard(two_);
    outer.reset();
  }
  ASSERT_EQ(told().size(), 1u);
  EXPECT_THAT(told()[0], testing::HasSubstr("out of order"));
}

}  // namespace
}  // namespace etrt::test
