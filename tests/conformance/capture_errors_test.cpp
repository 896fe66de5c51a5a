// What CUDA refuses in a stream capture, and what then becomes of the capture and its stream.
#include <conformance/capturing.h>

namespace etrt::conformance {
namespace {

class CaptureErrors : public CaptureFixture {
 protected:
  /// The end of a capture that something has invalidated: an error, no graph, and a stream as good as new.
  void expect_invalidated(const cuda::Stream& stream) {
    EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    CUgraph graph = nullptr;
    EXPECT_THAT(driver().cuStreamEndCapture(stream.get(), &graph), fails_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
    EXPECT_EQ(graph, nullptr);
    expect_usable(stream);
  }

  void expect_usable(const cuda::Stream& stream) const {
    EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_NONE);
    const auto out = create_pinned();
    EXPECT_THAT(kernels().fill_u32(stream.get(), out.address(), 7, out.count()), is_ok());
    EXPECT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(out.values(), Each(7u));
  }
};
ETRT_ON_EVERY_PROVIDER(CaptureErrors);

TEST_P(CaptureErrors, WaitingForAnEventOnTheHostInvalidates) {
  expect_order_reports();
  const auto event = create_event();
  const auto stream = create_stream();
  ASSERT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, WaitingForACapturedEventOnTheHostInvalidates) {
  expect_order_reports();
  const auto event = create_event();
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), fails_with(CUDA_ERROR_CAPTURED_EVENT));
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, QueryingACapturedEventInvalidates) {
  const auto event = create_event();
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  EXPECT_THAT(driver().cuEventQuery(event.get()), fails_with(CUDA_ERROR_CAPTURED_EVENT));
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, AnEventOfAnEndedCaptureStandsForNothing) {
  const auto event = create_event();
  const auto stream = create_stream();
  const auto other = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  const auto graph = end(stream);
  EXPECT_THAT(driver().cuEventQuery(event.get()), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuStreamWaitEvent(other.get(), event.get(), 0), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_EQ(status(other.get()), CU_STREAM_CAPTURE_STATUS_NONE);
}

TEST_P(CaptureErrors, AnEventOfAnEndedCaptureMayBeRecordedAgain) {
  const auto event = create_event();
  const auto stream = create_stream();
  const auto other = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  const auto graph = end(stream);
  EXPECT_THAT(driver().cuEventRecord(event.get(), other.get()), is_ok());
  EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
}

TEST_P(CaptureErrors, WaitingForTheStreamOnTheHostInvalidates) {
  expect_order_reports();
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(synchronize(stream), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, QueryingTheStreamInvalidates) {
  expect_order_reports();
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, WaitingForAnEventRecordedOutsideInvalidates) {
  const auto event = create_event();
  const auto stream = create_stream();
  const auto outside = create_stream();
  ASSERT_THAT(driver().cuEventRecord(event.get(), outside.get()), is_ok());
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(stream.get(), event.get(), 0),
              fails_with(CUDA_ERROR_STREAM_CAPTURE_ISOLATION));
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, AllocatingOnAnotherThreadInvalidatesACaptureInGlobalMode) {
  const auto stream = create_stream();
  CUdeviceptr memory = 0;
  ASSERT_THAT(begin(stream), is_ok());
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(driver().cuMemAlloc(&memory, 4096), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  });
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, AnInvalidatedCaptureTakesNoMoreWork) {
  const auto event = create_event();
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  const auto outside = create_stream();
  ASSERT_THAT(driver().cuEventRecord(event.get(), outside.get()), is_ok());
  ASSERT_THAT(begin(stream), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(stream.get(), event.get(), 0),
              fails_with(CUDA_ERROR_STREAM_CAPTURE_ISOLATION));
  EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()),
              fails_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
  expect_invalidated(stream);
}

TEST_P(CaptureErrors, ABranchThatIsNotJoinedFailsTheEnd) {
  const auto fork = create_event();
  const auto buffer = create_buffer();
  const auto origin = create_stream();
  const auto branch = create_stream();
  ASSERT_THAT(begin(origin), is_ok());
  EXPECT_THAT(driver().cuEventRecord(fork.get(), origin.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(branch.get(), fork.get(), 0), is_ok());
  EXPECT_THAT(kernels().fill_u32(branch.get(), buffer.address(), 7, buffer.count()), is_ok());
  CUgraph graph = nullptr;
  EXPECT_THAT(driver().cuStreamEndCapture(origin.get(), &graph), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNJOINED));
  EXPECT_EQ(graph, nullptr);
  expect_usable(origin);
  expect_usable(branch);
}

TEST_P(CaptureErrors, EndingOnABranchIsUnmatched) {
  const auto fork = create_event();
  const auto origin = create_stream();
  const auto branch = create_stream();
  ASSERT_THAT(begin(origin), is_ok());
  EXPECT_THAT(driver().cuEventRecord(fork.get(), origin.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(branch.get(), fork.get(), 0), is_ok());
  EXPECT_THAT(abandon(branch), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED));
  static_cast<void>(abandon(origin));
  expect_usable(origin);
  expect_usable(branch);
}

TEST_P(CaptureErrors, TwoCapturesCannotBeMerged) {
  const auto event = create_event();
  const auto first = create_stream();
  const auto second = create_stream();
  ASSERT_THAT(begin(first), is_ok());
  ASSERT_THAT(begin(second), is_ok());
  EXPECT_THAT(driver().cuEventRecord(event.get(), first.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(second.get(), event.get(), 0), fails_with(CUDA_ERROR_STREAM_CAPTURE_MERGE));
  static_cast<void>(abandon(second));
  static_cast<void>(abandon(first));
  expect_usable(first);
  expect_usable(second);
}

TEST_P(CaptureErrors, TheLegacyStreamCannotBeCaptured) {
  EXPECT_THAT(driver().cuStreamBeginCapture(CU_STREAM_LEGACY, CU_STREAM_CAPTURE_MODE_GLOBAL),
              fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  EXPECT_THAT(driver().cuStreamBeginCapture(nullptr, CU_STREAM_CAPTURE_MODE_GLOBAL),
              fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
}

TEST_P(CaptureErrors, TheLegacyStreamIsUnusableWhileABlockingStreamIsCaptured) {
  const auto buffer = create_buffer();
  const auto blocking = create_stream(CU_STREAM_DEFAULT);
  ASSERT_THAT(begin(blocking), is_ok());
  EXPECT_THAT(kernels().fill_u32(CU_STREAM_LEGACY, buffer.address(), 7, buffer.count()),
              fails_with(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT));
  static_cast<void>(abandon(blocking));
  expect_usable(blocking);
}

TEST_P(CaptureErrors, AskingTheLegacyStreamWhileABlockingStreamIsCapturedHarmsNoCapture) {
  const auto blocking = create_stream(CU_STREAM_DEFAULT);
  ASSERT_THAT(begin(blocking), is_ok());
  auto legacy = CU_STREAM_CAPTURE_STATUS_NONE;
  EXPECT_THAT(driver().cuStreamIsCapturing(CU_STREAM_LEGACY, &legacy), fails_with(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT));
  EXPECT_EQ(status(blocking.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_THAT(abandon(blocking), is_ok());
}

TEST_P(CaptureErrors, EndingOnAnotherThreadFailsAndLosesTheCapture) {
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(abandon(stream), fails_with(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD));
  });
  EXPECT_NE(status(stream.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_THAT(abandon(stream), fails_with(CUDA_ERROR_ILLEGAL_STATE));
}

TEST_P(CaptureErrors, EndingWhereNoneBeganIsAnIllegalState) {
  const auto stream = create_stream();
  EXPECT_THAT(abandon(stream), fails_with(CUDA_ERROR_ILLEGAL_STATE));
}

TEST_P(CaptureErrors, AnUnknownModeIsAnInvalidValue) {
  const auto stream = create_stream();
  EXPECT_THAT(begin(stream, static_cast<CUstreamCaptureMode>(3)), fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
