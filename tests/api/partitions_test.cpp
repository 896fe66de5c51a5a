#include <gtest/gtest.h>

#include <etrt/partition.h>
#include <support/matchers.h>

namespace etrt::test {
namespace {

using support::fails_with;
using support::is_ok;

class Partitions : public ::testing::Test {
 protected:
  Device device = Device::open("virtual").value();
};

TEST_F(Partitions, HaveTheSizeThatWasAsked) {
  for (const int sms : {1, 2, 6}) {
    const auto partition = Partition::create(device, sms);
    ASSERT_THAT(partition, is_ok());
    EXPECT_EQ(partition->sm_count(), sms);
    EXPECT_EQ(partition->device().name(), "virtual:0");
  }
}

TEST_F(Partitions, SplitADeviceIntoSeveralThatShareNothing) {
  const auto partitions = Partition::split(device, {1, 2, 3});
  ASSERT_THAT(partitions, is_ok());
  ASSERT_EQ(partitions->size(), 3u);
  EXPECT_EQ((*partitions)[2].sm_count(), 3);
}

TEST_F(Partitions, OfNoSizesAreNone) {
  const auto partitions = Partition::split(device, {});
  ASSERT_THAT(partitions, is_ok());
  EXPECT_TRUE(partitions->empty());
}

TEST_F(Partitions, OfMoreThanTheDeviceHasAreRefused) {
  EXPECT_THAT(Partition::split(device, {4, 3}), fails_with(ErrorCode::kInvalidArgument));
  EXPECT_THAT(Partition::create(device, 7), fails_with(ErrorCode::kInvalidArgument));
}

TEST_F(Partitions, OfNoSizeAreRefusedWithTheSizesThereAre) {
  for (const int sms : {0, -1}) {
    const auto partition = Partition::create(device, sms);
    ASSERT_THAT(partition, fails_with(ErrorCode::kInvalidArgument));
    EXPECT_NE(partition.error().message().find("multiples of 1"), std::string::npos) << partition.error().message();
  }
}

TEST_F(Partitions, ARefusedSplitLeavesTheDeviceWhole) {
  ASSERT_FALSE(Partition::split(device, {4, 3}).ok());
  EXPECT_THAT(Partition::create(device, 6), is_ok());
}

TEST_F(Partitions, HaveStreamsOfTheirOwn) {
  const auto partition = Partition::create(device, 2);
  ASSERT_THAT(partition, is_ok());
  const auto stream = partition->create_stream();
  ASSERT_THAT(stream, is_ok());
  EXPECT_THAT(stream->synchronize(), is_ok());
}

TEST_F(Partitions, TellTheirLimits) {
  const auto limits = device.partition_limits();
  ASSERT_THAT(limits, is_ok());
  EXPECT_EQ(limits->minimum, 1);
  EXPECT_EQ(limits->alignment, 1);
}

}  // namespace
}  // namespace etrt::test
