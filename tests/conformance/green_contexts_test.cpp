// What CUDA promises about green contexts, and where the work of their streams runs. How SMs are split is in
// sm_resources_test.cpp.
#include <set>

#include <conformance/partitioning.h>

namespace etrt::conformance {
namespace {

class GreenContexts : public PartitionFixture {};
ETRT_ON_EVERY_PROVIDER(GreenContexts);

bool disjoint(const std::set<std::uint32_t>& a, const std::set<std::uint32_t>& b) {
  return std::ranges::none_of(a, [&](std::uint32_t sm) { return b.contains(sm); });
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

TEST_P(GreenContexts, WorkOnTheirStreamsNeedsNoCurrentContext) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto stream = create_stream_in(partition);
  on_another_thread([&] {
    EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
    EXPECT_THAT(driver().cuStreamSynchronize(stream.get()), is_ok());
  });
  EXPECT_THAT(buffer.read(), Each(7u));
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

// The end.

TEST_P(GreenContexts, LeaveTheirStreamsUnusableWhenTheyAreDestroyed) {
  const auto event = create_event();
  auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  ASSERT_THAT(driver().cuGreenCtxDestroy(partition.green.release()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
  EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
  EXPECT_THAT(synchronize(stream), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
}

TEST_P(GreenContexts, TakeTheirCapturesWithThem) {
  auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  // Relaxed: nobody can end this capture any more, and in another mode it would forbid calls to all tests that follow.
  ASSERT_THAT(begin(stream, CU_STREAM_CAPTURE_MODE_RELAXED), is_ok());
  ASSERT_THAT(driver().cuGreenCtxDestroy(partition.green.release()), is_ok());
  EXPECT_THAT(abandon(stream), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
}

TEST_P(GreenContexts, FinishTheWorkOfTheirStreamsWhenTheyAreDestroyed) {
  const auto out = create_pinned();
  const auto event = create_event();
  auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  ASSERT_THAT(kernels().fill_u32(stream.get(), out.address(), 7, out.count()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuGreenCtxDestroy(partition.green.release()), is_ok());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

}  // namespace
}  // namespace etrt::conformance
