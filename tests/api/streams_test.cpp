#include <optional>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace etrt::test
