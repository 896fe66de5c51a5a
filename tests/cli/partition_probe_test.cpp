// The check behind `etrt run --verify-partition`: which SMs a partition has, and whether a program keeps to them.

#include <algorithm>
#include <delegate_fixture.h>

#include <cli/partition_check.h>
#include <cli/partition_probe.h>

namespace etrt::test {
namespace {

class PartitionProbes : public DelegateTest {
 protected:
  void SetUp() override {
    DelegateTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto limits = device().partition_limits();
    if (!limits.ok()) GTEST_SKIP() << limits.error().message();
    auto partitions = Partition::split(device(), {limits->minimum, limits->minimum});
    if (!partitions.ok()) GTEST_SKIP() << partitions.error().message();
    partitions_ = std::move(partitions).value();
    handle_ = load(KernelPlan::fixed(1, {8}));
    in_.emplace(device(), std::vector<std::int32_t>{8}, 5);
    out_.emplace(device(), std::vector<std::int32_t>{8}, 0);
  }
  void TearDown() override {
    handle_.reset();
    in_.reset();
    out_.reset();
    DelegateTest::TearDown();
  }

  const Partition& partition(std::size_t index = 0) const { return partitions_[index]; }

  /// Runs the program on the stream until it is done.
  Status run_on(const Stream& stream) {
    {
      const StreamGuard guard(stream.get());
      if (Status status = execute(*handle_, in_->tensor, out_->tensor); !status.ok()) return status;
    }
    return stream.synchronize();
  }

  Result<cli::PartitionCheck> check(const std::function<Status()>& run) const {
    return cli::check_partition(partition(), run, std::chrono::milliseconds(5));
  }

 private:
  std::vector<Partition> partitions_;
  std::unique_ptr<delegate::Handle> handle_;
  std::optional<DeviceTensor> in_;
  std::optional<DeviceTensor> out_;
};
ETRT_ON_EVERY_DEVICE(PartitionProbes);

TEST_P(PartitionProbes, ConfirmAProgramThatKeepsToItsPartition) {
  const Stream stream = must(partition().create_stream());
  ASSERT_THAT(run_on(stream), is_ok());
  const auto found = must(check([&] { return run_on(stream); }));
  EXPECT_TRUE(found.confined) << found.finding;
  EXPECT_EQ(found.sms.size(), static_cast<std::size_t>(partition().sm_count()));
}

TEST_P(PartitionProbes, FindOutAProgramOnAStreamOfTheWholeDevice) {
  const Stream stream = create_stream();
  ASSERT_THAT(run_on(stream), is_ok());
  const auto found = must(check([&] { return run_on(stream); }));
  EXPECT_FALSE(found.confined) << found.finding;
}

TEST_P(PartitionProbes, FindOutAProgramInAnotherPartition) {
  const Stream stream = must(partition(1).create_stream());
  ASSERT_THAT(run_on(stream), is_ok());
  const auto found = must(check([&] { return run_on(stream); }));
  EXPECT_FALSE(found.confined) << found.finding;
}

TEST_P(PartitionProbes, SeeASingleOperationOutsideOnTheVirtualGpu) {
  if (!device().is_virtual()) GTEST_SKIP() << "a GPU tells nothing of single kernels";
  const Stream inside = must(partition().create_stream());
  const Stream outside = create_stream();
  const Buffer flags = must(Buffer::on_device(device(), 64));
  const auto found = must(check([&]() -> Status {
    const auto address = reinterpret_cast<CUdeviceptr>(flags.data());
    EXPECT_THAT(driver().cuMemsetD8Async(address, 0, flags.size(), outside.get()), is_ok());
    return run_on(inside);
  }));
  EXPECT_FALSE(found.confined);
  EXPECT_THAT(found.finding, ::testing::HasSubstr("the first: 'memset' ran on a stream of the whole device"));
}

TEST_P(PartitionProbes, PassOnAFailureOfTheProgramAndLeaveThePartitionFree) {
  int calls = 0;
  const auto found = check([&]() -> Status {
    // The first call is the one before the SMs are full.
    return ++calls == 1 ? Status() : Status(Error(ErrorCode::kInvalidData, "the program failed"));
  });
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().message(), "the program failed");
  EXPECT_EQ(calls, 2);
  const Stream stream = must(partition().create_stream());
  EXPECT_THAT(run_on(stream), is_ok());
}

TEST_P(PartitionProbes, TellThatAProgramDidNothingOnTheVirtualGpu) {
  if (!device().is_virtual()) GTEST_SKIP() << "a GPU cannot tell this from work outside of the partition";
  const auto found = check([] { return Status(); });
  ASSERT_FALSE(found.ok());
  EXPECT_THAT(found.error().message(), ::testing::HasSubstr("put no work on the device"));
}

TEST_P(PartitionProbes, NameOtherSmsForAnotherPartition) {
  std::vector<unsigned> shared;
  auto first = must(cli::PartitionProbe::create(partition(0), std::chrono::seconds(5)));
  auto second = must(cli::PartitionProbe::create(partition(1), std::chrono::seconds(5)));
  ASSERT_THAT(first.fill(), is_ok());
  ASSERT_THAT(second.fill(), is_ok());
  std::set_intersection(first.sms().begin(), first.sms().end(), second.sms().begin(), second.sms().end(),
                        std::back_inserter(shared));
  EXPECT_THAT(shared, ::testing::IsEmpty());
  EXPECT_THAT(first.finish(), is_ok());
  EXPECT_THAT(second.finish(), is_ok());
}

TEST_P(PartitionProbes, GiveUpAtTheirLimitAndSaySo) {
  if (device().is_virtual()) GTEST_SKIP() << "blocks of the virtual GPU do not stay";
  auto probe = must(cli::PartitionProbe::create(partition(), std::chrono::nanoseconds(1)));
  ASSERT_THAT(probe.fill(), is_ok());
  // Whatever follows on the SMs has to wait for the blocks, which nobody has released.
  const Stream stream = must(partition().create_stream());
  ASSERT_THAT(run_on(stream), is_ok());
  const Status finished = probe.finish();
  ASSERT_FALSE(finished.ok());
  EXPECT_THAT(finished.error().message(), ::testing::HasSubstr("the limit of the check"));
}

}  // namespace
}  // namespace etrt::test
