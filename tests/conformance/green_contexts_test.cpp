// What CUDA promises about SM partitions: splitting the SMs, and where the work of a green context's streams runs.
#include <set>

#include <conformance/partitioning.h>

namespace etrt::conformance {
namespace {

class GreenContexts : public PartitionFixture {
 protected:
  CUdevResource device_sms() const {
    CUdevResource resource{};
    EXPECT_THAT(driver().cuDeviceGetDevResource(device(), &resource, CU_DEV_RESOURCE_TYPE_SM), is_ok());
    return resource;
  }
};
ETRT_ON_EVERY_PROVIDER(GreenContexts);

bool disjoint(const std::set<std::uint32_t>& a, const std::set<std::uint32_t>& b) {
  return std::ranges::none_of(a, [&](std::uint32_t sm) { return b.contains(sm); });
}

// Splitting.

TEST_P(GreenContexts, TheSmsOfADeviceAreItsMultiprocessors) {
  int count = 0;
  ASSERT_THAT(driver().cuDeviceGetAttribute(&count, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device()), is_ok());
  const auto resource = device_sms();
  EXPECT_EQ(resource.type, CU_DEV_RESOURCE_TYPE_SM);
  EXPECT_EQ(resource.sm.smCount, static_cast<unsigned>(count));
}

TEST_P(GreenContexts, ASplitGivesGroupsOfAtLeastWhatWasAsked) {
  const auto all = device_sms();
  for (const unsigned asked : {1u, layout().minimum, layout().minimum + 1, 2 * layout().minimum}) {
    CUdevResource group{};
    unsigned groups = 1;
    ASSERT_THAT(driver().cuDevSmResourceSplitByCount(&group, &groups, &all, nullptr, 0, asked), is_ok());
    EXPECT_EQ(groups, 1u);
    EXPECT_GE(group.sm.smCount, asked);
  }
}

TEST_P(GreenContexts, ASplitRoundsUpToTheAlignment) {
  const auto all = device_sms();
  CUdevResource group{};
  unsigned groups = 1;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(&group, &groups, &all, nullptr, 0, layout().minimum + 1), is_ok());
  EXPECT_EQ(group.sm.smCount, 2 * layout().minimum);
}

TEST_P(GreenContexts, ASplitLosesNoSm) {
  const auto all = device_sms();
  CUdevResource groups[2] = {};
  CUdevResource rest{};
  unsigned count = 2;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(groups, &count, &all, &rest, 0, layout().minimum), is_ok());
  ASSERT_EQ(count, 2u);
  EXPECT_EQ(groups[0].sm.smCount + groups[1].sm.smCount + rest.sm.smCount, all.sm.smCount);
}

TEST_P(GreenContexts, ASplitTellsHowManyGroupsItCouldMake) {
  const auto all = device_sms();
  unsigned count = 0;
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(nullptr, &count, &all, nullptr, 0, layout().minimum), is_ok());
  EXPECT_GE(count, 2u);
  EXPECT_LE(count * layout().minimum, all.sm.smCount);
}

TEST_P(GreenContexts, ASplitMakesNoMoreGroupsThanFit) {
  const auto all = device_sms();
  std::vector<CUdevResource> groups(all.sm.smCount + 1);
  unsigned count = static_cast<unsigned>(groups.size());
  ASSERT_THAT(driver().cuDevSmResourceSplitByCount(groups.data(), &count, &all, nullptr, 0, layout().minimum), is_ok());
  EXPECT_LE(count * layout().minimum, all.sm.smCount);
}

TEST_P(GreenContexts, ASplitCannotAskForMoreThanThereIs) {
  const auto all = device_sms();
  CUdevResource group{};
  unsigned count = 1;
  EXPECT_THAT(driver().cuDevSmResourceSplitByCount(&group, &count, &all, nullptr, 0, all.sm.smCount + 1),
              AnyOf(fails_with(CUDA_ERROR_INVALID_VALUE), fails_with(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION)));
}

TEST_P(GreenContexts, TellTheirSms) {
  const auto partition = create_partition();
  CUdevResource resource{};
  ASSERT_THAT(driver().cuGreenCtxGetDevResource(partition.green.get(), &resource, CU_DEV_RESOURCE_TYPE_SM), is_ok());
  EXPECT_EQ(resource.sm.smCount, partition.sm_count);
}

TEST_P(GreenContexts, AreNotThePrimaryContext) {
  const auto partitions = create_partitions(2);
  EXPECT_NE(partitions[0].context, nullptr);
  EXPECT_NE(partitions[0].context, primary());
  EXPECT_NE(partitions[0].context, partitions[1].context);
}

TEST_P(GreenContexts, OnlyMakeNonBlockingStreams) {
  const auto partition = create_partition();
  CUstream stream = nullptr;
  EXPECT_THAT(driver().cuGreenCtxStreamCreate(&stream, partition.green.get(), CU_STREAM_DEFAULT, 0),
              fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(GreenContexts, AreKnownByTheirStreams) {
  const auto partition = create_partition();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  EXPECT_EQ(green_of(inside.get()), partition.green.get());
  EXPECT_EQ(green_of(outside.get()), nullptr);
}

TEST_P(GreenContexts, GiveTheirStreamsIdsOfTheirOwn) {
  const auto partition = create_partition();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  unsigned long long first = 0;
  unsigned long long second = 0;
  ASSERT_THAT(driver().cuStreamGetId(inside.get(), &first), is_ok());
  ASSERT_THAT(driver().cuStreamGetId(outside.get(), &second), is_ok());
  EXPECT_NE(first, second);
}

// Confinement.

TEST_P(GreenContexts, ConfineTheirStreamsWhileThePrimaryContextIsCurrent) {
  const auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  EXPECT_LE(sms_used_on(stream.get()).size(), partition.sm_count);
}

TEST_P(GreenContexts, PartitionsShareNoSm) {
  const auto partitions = create_partitions(2);
  const auto first = create_stream_in(partitions[0]);
  const auto second = create_stream_in(partitions[1]);
  const auto first_sms = sms_used_on(first.get());
  const auto second_sms = sms_used_on(second.get());
  EXPECT_LE(first_sms.size(), partitions[0].sm_count);
  EXPECT_LE(second_sms.size(), partitions[1].sm_count);
  EXPECT_TRUE(disjoint(first_sms, second_sms));
}

TEST_P(GreenContexts, AllStreamsOfAPartitionUseTheSameSms) {
  const auto partition = create_partition();
  const auto first = create_stream_in(partition);
  const auto second = create_stream_in(partition);
  auto used = sms_used_on(first.get());
  used.merge(sms_used_on(second.get()));
  EXPECT_LE(used.size(), partition.sm_count);
}

TEST_P(GreenContexts, AreNoReservationAgainstThePrimaryContext) {
  const auto partition = create_partition();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  const auto partition_sms = sms_used_on(inside.get());
  const auto device_sms = sms_used_on(outside.get());
  EXPECT_FALSE(disjoint(partition_sms, device_sms));
}

TEST_P(GreenContexts, DoNotWaitForOneAnother) {
  const auto partitions = create_partitions(2);
  const auto buffer = create_buffer();
  const auto blocked = create_stream_in(partitions[0]);
  const auto running = create_stream_in(partitions[1]);
  auto gate = close_gate(blocked.get());
  ASSERT_THAT(kernels().fill_u32(running.get(), buffer.address(), 7, buffer.count()), is_ok());
  EXPECT_THAT(synchronize(running), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(blocked.get()), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(GreenContexts, CopyAndSetMemoryOnTheirStreams) {
  const auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  const auto in = create_pinned();
  const auto out = create_pinned();
  const auto buffer = create_buffer();
  std::ranges::fill(in.values(), 7u);
  ASSERT_THAT(driver().cuMemsetD32Async(buffer.address(), 1, buffer.count(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuMemcpyHtoDAsync(buffer.address(), in.data(), in.bytes(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(out.data(), buffer.address(), out.bytes(), stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

// Events of the primary context.

TEST_P(GreenContexts, OrderTheirWorkByEventsOfThePrimaryContext) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto event = create_event();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  auto gate = close_gate(inside.get());
  ASSERT_THAT(kernels().fill_u32(inside.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), inside.get()), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(outside.get(), event.get(), 0), is_ok());
  ASSERT_THAT(kernels().add_u32(outside.get(), buffer.address(), 2, buffer.count()), is_ok());
  gate.open();
  ASSERT_THAT(synchronize(outside), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(GreenContexts, WaitForEventsOfThePrimaryContext) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto event = create_event();
  const auto inside = create_stream_in(partition);
  const auto outside = create_stream();
  auto gate = close_gate(outside.get());
  ASSERT_THAT(kernels().fill_u32(outside.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), outside.get()), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(inside.get(), event.get(), 0), is_ok());
  ASSERT_THAT(kernels().add_u32(inside.get(), buffer.address(), 2, buffer.count()), is_ok());
  gate.open();
  ASSERT_THAT(synchronize(inside), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(GreenContexts, EventsOutliveTheStreamAndTheGreenContextTheyWereRecordedIn) {
  const auto event = create_event();
  {
    const auto partition = create_partition();
    const auto stream = create_stream_in(partition);
    ASSERT_THAT(kernels().spin(stream.get(), microseconds(100)), is_ok());
    ASSERT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
    ASSERT_THAT(synchronize(stream), is_ok());
  }
  EXPECT_THAT(driver().cuEventQuery(event.get()), is_ok());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  const auto other = create_stream();
  EXPECT_THAT(driver().cuStreamWaitEvent(other.get(), event.get(), 0), is_ok());
  EXPECT_THAT(driver().cuEventRecord(event.get(), other.get()), is_ok());
  EXPECT_THAT(synchronize(other), is_ok());
}

}  // namespace
}  // namespace etrt::conformance
