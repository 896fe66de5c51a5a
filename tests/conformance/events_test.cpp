// What CUDA promises about events.
#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class Events : public ContextFixture {
 protected:
  CUresult record(const cuda::Event& event, const cuda::Stream& stream) const {
    return driver().cuEventRecord(event.get(), stream.get());
  }
  CUresult wait(const cuda::Stream& stream, const cuda::Event& event) const {
    return driver().cuStreamWaitEvent(stream.get(), event.get(), 0);
  }
  CUresult query(const cuda::Event& event) const { return driver().cuEventQuery(event.get()); }
};
ETRT_ON_EVERY_PROVIDER(Events);

TEST_P(Events, AreCompleteBeforeTheyAreRecorded) {
  const auto event = create_event();
  EXPECT_THAT(query(event), is_ok());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
}

TEST_P(Events, WaitingForOneNeverRecordedIsNoWait) {
  const auto event = create_event();
  const auto stream = create_stream();
  ASSERT_THAT(wait(stream, event), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(Events, AnExternalWaitOutsideACaptureIsAnIllegalState) {
  const auto event = create_event();
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuStreamWaitEvent(stream.get(), event.get(), CU_EVENT_WAIT_EXTERNAL),
              fails_with(CUDA_ERROR_ILLEGAL_STATE));
}

TEST_P(Events, UnknownFlagsOfAWaitAreAnInvalidValue) {
  const auto event = create_event();
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuStreamWaitEvent(stream.get(), event.get(), 0x40), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Events, AreCompleteWhenTheWorkBeforeThemIs) {
  const auto event = create_event();
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  ASSERT_THAT(record(event, stream), is_ok());
  EXPECT_THAT(query(event), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  EXPECT_THAT(query(event), is_ok());
}

TEST_P(Events, DoNotWaitForWorkAfterThem) {
  const auto event = create_event();
  const auto stream = create_stream();
  ASSERT_THAT(record(event, stream), is_ok());
  auto gate = close_gate(stream.get());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(Events, OrderWorkOfOneStreamBehindAnother) {
  const auto buffer = create_buffer();
  const auto event = create_event();
  const auto producer = create_stream();
  const auto consumer = create_stream();
  auto gate = close_gate(producer.get());
  ASSERT_THAT(kernels().fill_u32(producer.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(record(event, producer), is_ok());
  ASSERT_THAT(wait(consumer, event), is_ok());
  ASSERT_THAT(kernels().add_u32(consumer.get(), buffer.address(), 2, buffer.count()), is_ok());
  give_others_a_chance();
  EXPECT_THAT(driver().cuStreamQuery(consumer.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(synchronize(consumer), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Events, RecordingAgainReplacesTheEarlierRecord) {
  const auto event = create_event();
  const auto blocked = create_stream();
  const auto idle = create_stream();
  auto gate = close_gate(blocked.get());
  ASSERT_THAT(record(event, blocked), is_ok());
  ASSERT_THAT(record(event, idle), is_ok());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(blocked.get()), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(Events, AWaitIsForTheRecordAtTheTimeOfTheCall) {
  const auto event = create_event();
  const auto first = create_stream();
  const auto later = create_stream();
  const auto waiting = create_stream();
  ASSERT_THAT(record(event, first), is_ok());
  ASSERT_THAT(wait(waiting, event), is_ok());
  auto gate = close_gate(later.get());
  ASSERT_THAT(record(event, later), is_ok());
  EXPECT_THAT(synchronize(waiting), is_ok());
  EXPECT_THAT(query(event), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(Events, AWaitKeepsItsRecordWhenTheEventIsRecordedElsewhere) {
  const auto buffer = create_buffer();
  const auto event = create_event();
  const auto producer = create_stream();
  const auto other = create_stream();
  const auto consumer = create_stream();
  auto gate = close_gate(producer.get());
  ASSERT_THAT(kernels().fill_u32(producer.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(record(event, producer), is_ok());
  ASSERT_THAT(wait(consumer, event), is_ok());
  ASSERT_THAT(kernels().add_u32(consumer.get(), buffer.address(), 2, buffer.count()), is_ok());
  ASSERT_THAT(record(event, other), is_ok());
  gate.open();
  ASSERT_THAT(synchronize(consumer), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Events, AWaitSurvivesTheEvent) {
  const auto buffer = create_buffer();
  auto event = create_event();
  const auto producer = create_stream();
  const auto consumer = create_stream();
  auto gate = close_gate(producer.get());
  ASSERT_THAT(kernels().fill_u32(producer.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(record(event, producer), is_ok());
  ASSERT_THAT(wait(consumer, event), is_ok());
  ASSERT_THAT(driver().cuEventDestroy(event.release()), is_ok());
  ASSERT_THAT(kernels().add_u32(consumer.get(), buffer.address(), 2, buffer.count()), is_ok());
  gate.open();
  ASSERT_THAT(synchronize(consumer), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Events, OutliveTheirStream) {
  const auto event = create_event();
  auto stream = create_stream();
  ASSERT_THAT(record(event, stream), is_ok());
  stream.reset();
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  EXPECT_THAT(query(event), is_ok());
  const auto other = create_stream();
  EXPECT_THAT(wait(other, event), is_ok());
  EXPECT_THAT(synchronize(other), is_ok());
}

TEST_P(Events, MayBeRecordedOnTheSpecialStreams) {
  const auto event = create_event();
  for (const CUstream stream : {CUstream{nullptr}, CU_STREAM_LEGACY, CU_STREAM_PER_THREAD}) {
    EXPECT_THAT(driver().cuEventRecord(event.get(), stream), is_ok());
    EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  }
}

TEST_P(Events, MayBeWaitedForFromAnotherThread) {
  const auto event = create_event();
  const auto stream = create_stream();
  ASSERT_THAT(kernels().spin(stream.get(), milliseconds(1)), is_ok());
  ASSERT_THAT(record(event, stream), is_ok());
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  });
  EXPECT_THAT(query(event), is_ok());
}

// Timing.

TEST_P(Events, MeasureTimeThatDoesNotRunBackwards) {
  const auto start = create_event(CU_EVENT_DEFAULT);
  const auto end = create_event(CU_EVENT_DEFAULT);
  const auto stream = create_stream();
  ASSERT_THAT(record(start, stream), is_ok());
  ASSERT_THAT(kernels().spin(stream.get(), milliseconds(1)), is_ok());
  ASSERT_THAT(record(end, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  float elapsed = 0;
  ASSERT_THAT(driver().cuEventElapsedTime(&elapsed, start.get(), end.get()), is_ok());
  EXPECT_GT(elapsed, 0.0f);
}

TEST_P(Events, MadeWithoutTimingMeasureNothing) {
  const auto start = create_event(CU_EVENT_DISABLE_TIMING);
  const auto end = create_event(CU_EVENT_DISABLE_TIMING);
  const auto stream = create_stream();
  ASSERT_THAT(record(start, stream), is_ok());
  ASSERT_THAT(record(end, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  float elapsed = 0;
  EXPECT_THAT(driver().cuEventElapsedTime(&elapsed, start.get(), end.get()), fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(Events, NeverRecordedMeasureNothing) {
  const auto start = create_event(CU_EVENT_DEFAULT);
  const auto end = create_event(CU_EVENT_DEFAULT);
  float elapsed = 0;
  EXPECT_THAT(driver().cuEventElapsedTime(&elapsed, start.get(), end.get()), fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(Events, MeasureNothingBeforeTheyAreComplete) {
  const auto start = create_event(CU_EVENT_DEFAULT);
  const auto end = create_event(CU_EVENT_DEFAULT);
  const auto stream = create_stream();
  ASSERT_THAT(record(start, stream), is_ok());
  auto gate = close_gate(stream.get());
  ASSERT_THAT(record(end, stream), is_ok());
  float elapsed = 0;
  EXPECT_THAT(driver().cuEventElapsedTime(&elapsed, start.get(), end.get()), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(Events, OfSeveralProcessesCannotMeasureTime) {
  CUevent event = nullptr;
  EXPECT_THAT(driver().cuEventCreate(&event, CU_EVENT_INTERPROCESS), fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
