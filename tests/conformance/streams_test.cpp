// What CUDA promises about the order of work: within a stream, between streams, and with the two special streams.
#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class Streams : public ContextFixture {
 protected:
  std::uint64_t id_of(CUstream stream) const {
    unsigned long long id = 0;
    EXPECT_THAT(driver().cuStreamGetId(stream, &id), is_ok());
    return id;
  }
};
ETRT_ON_EVERY_PROVIDER(Streams);

TEST_P(Streams, RunWorkInTheOrderItWasEnqueued) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  ASSERT_THAT(kernels().spin(stream.get(), milliseconds(1)), is_ok());
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(kernels().add_u32(stream.get(), buffer.address(), 1, buffer.count()), is_ok());
  ASSERT_THAT(kernels().add_u32(stream.get(), buffer.address(), 1, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Streams, DoNotRunWorkBehindAClosedGate) {
  const auto out = create_pinned();
  const auto stream = create_stream();
  {
    auto gate = close_gate(stream.get());
    ASSERT_THAT(kernels().fill_u32(stream.get(), out.address(), 7, out.count()), is_ok());
    give_others_a_chance();
    EXPECT_THAT(out.values(), Each(0u));
    gate.open();
  }
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

TEST_P(Streams, DoNotWaitForOneAnother) {
  const auto buffer = create_buffer();
  const auto blocked = create_stream();
  const auto running = create_stream();
  auto gate = close_gate(blocked.get());
  ASSERT_THAT(kernels().fill_u32(running.get(), buffer.address(), 7, buffer.count()), is_ok());
  EXPECT_THAT(synchronize(running), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(blocked.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  EXPECT_THAT(synchronize(blocked), is_ok());
}

TEST_P(Streams, AreNotReadyWhileWorkIsPending) {
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), is_ok());
}

TEST_P(Streams, AreReadyBeforeTheirFirstWork) {
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(Streams, FinishTheirWorkAfterTheyAreDestroyed) {
  const auto buffer = create_buffer();
  const auto done = create_event();
  auto stream = create_stream();
  auto gate = close_gate(stream.get());
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(done.get(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuStreamDestroy(stream.release()), is_ok());
  EXPECT_THAT(driver().cuEventQuery(done.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(driver().cuEventSynchronize(done.get()), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Streams, MayBeUsedByAnotherThread) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  });
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Streams, HaveIdsOfTheirOwnThatStay) {
  const auto first = create_stream();
  const auto second = create_stream();
  EXPECT_NE(id_of(first.get()), id_of(second.get()));
  EXPECT_EQ(id_of(first.get()), id_of(first.get()));
}

TEST_P(Streams, AnIdIsNotUsedAgainAfterItsStream) {
  auto first = create_stream();
  const auto id = id_of(first.get());
  first.reset();
  const auto second = create_stream();
  EXPECT_NE(id_of(second.get()), id);
}

TEST_P(Streams, BelongToTheContextThatWasCurrentAtCreation) {
  const auto stream = create_stream();
  CUcontext context = nullptr;
  ASSERT_THAT(driver().cuStreamGetCtx(stream.get(), &context), is_ok());
  EXPECT_EQ(context, primary());
}

TEST_P(Streams, TheSpecialOnesBelongToTheCurrentContext) {
  for (const CUstream stream : {CUstream{nullptr}, CU_STREAM_LEGACY, CU_STREAM_PER_THREAD}) {
    CUcontext context = nullptr;
    EXPECT_THAT(driver().cuStreamGetCtx(stream, &context), is_ok());
    EXPECT_EQ(context, primary());
  }
}

TEST_P(Streams, TellTheirDevice) {
  if (!driver().cuStreamGetDevice) GTEST_SKIP() << "this driver has no cuStreamGetDevice";
  const auto stream = create_stream();
  CUdevice found = -1;
  ASSERT_THAT(driver().cuStreamGetDevice(stream.get(), &found), is_ok());
  EXPECT_EQ(found, device());
}

TEST_P(Streams, TakeAnyPriority) {
  for (const int priority : {-1000, -1, 0, 1000}) {
    CUstream stream = nullptr;
    EXPECT_THAT(driver().cuStreamCreateWithPriority(&stream, CU_STREAM_NON_BLOCKING, priority), is_ok());
    EXPECT_THAT(driver().cuStreamDestroy(stream), is_ok());
  }
}

TEST_P(Streams, UnknownFlagsAreAnInvalidValue) {
  CUstream stream = nullptr;
  EXPECT_THAT(driver().cuStreamCreate(&stream, 0x100), fails_with(CUDA_ERROR_INVALID_VALUE));
}

// The legacy default stream: an implicit barrier for blocking streams, and none for others.

TEST_P(Streams, TheLegacyStreamWaitsForBlockingStreams) {
  const auto buffer = create_buffer();
  const auto done = create_event();
  const auto blocking = create_stream(CU_STREAM_DEFAULT);
  auto gate = close_gate(blocking.get());
  ASSERT_THAT(kernels().fill_u32(blocking.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(kernels().add_u32(CU_STREAM_LEGACY, buffer.address(), 2, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(done.get(), CU_STREAM_LEGACY), is_ok());
  give_others_a_chance();
  EXPECT_THAT(driver().cuEventQuery(done.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(driver().cuStreamSynchronize(CU_STREAM_LEGACY), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Streams, BlockingStreamsWaitForTheLegacyStream) {
  const auto buffer = create_buffer();
  const auto done = create_event();
  const auto blocking = create_stream(CU_STREAM_DEFAULT);
  auto gate = close_gate(CU_STREAM_LEGACY);
  ASSERT_THAT(kernels().fill_u32(CU_STREAM_LEGACY, buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(kernels().add_u32(blocking.get(), buffer.address(), 2, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(done.get(), blocking.get()), is_ok());
  give_others_a_chance();
  EXPECT_THAT(driver().cuEventQuery(done.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(synchronize(blocking), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Streams, TheLegacyStreamDoesNotWaitForNonBlockingStreams) {
  const auto buffer = create_buffer();
  const auto stream = create_stream(CU_STREAM_NON_BLOCKING);
  auto gate = close_gate(stream.get());
  ASSERT_THAT(kernels().fill_u32(CU_STREAM_LEGACY, buffer.address(), 7, buffer.count()), is_ok());
  EXPECT_THAT(driver().cuStreamSynchronize(CU_STREAM_LEGACY), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(Streams, NonBlockingStreamsDoNotWaitForTheLegacyStream) {
  const auto buffer = create_buffer();
  const auto stream = create_stream(CU_STREAM_NON_BLOCKING);
  auto gate = close_gate(CU_STREAM_LEGACY);
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(CU_STREAM_LEGACY), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(Streams, TheNullHandleIsTheLegacyStream) {
  auto gate = close_gate(nullptr);
  EXPECT_THAT(driver().cuStreamQuery(CU_STREAM_LEGACY), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  EXPECT_THAT(driver().cuStreamSynchronize(nullptr), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(CU_STREAM_LEGACY), is_ok());
}

// The per-thread default stream: one stream a thread, blocking.

TEST_P(Streams, ThePerThreadStreamRunsWorkInOrder) {
  const auto buffer = create_buffer();
  ASSERT_THAT(kernels().fill_u32(CU_STREAM_PER_THREAD, buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(kernels().add_u32(CU_STREAM_PER_THREAD, buffer.address(), 2, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuStreamSynchronize(CU_STREAM_PER_THREAD), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Streams, EachThreadHasAPerThreadStreamOfItsOwn) {
  auto gate = close_gate(CU_STREAM_PER_THREAD);
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(kernels().spin(CU_STREAM_PER_THREAD, microseconds(1)), is_ok());
    EXPECT_THAT(driver().cuStreamSynchronize(CU_STREAM_PER_THREAD), is_ok());
  });
  EXPECT_THAT(driver().cuStreamQuery(CU_STREAM_PER_THREAD), fails_with(CUDA_ERROR_NOT_READY));
}

TEST_P(Streams, TheLegacyStreamWaitsForPerThreadStreams) {
  const auto buffer = create_buffer();
  ASSERT_THAT(kernels().spin(CU_STREAM_PER_THREAD, milliseconds(1)), is_ok());
  ASSERT_THAT(kernels().fill_u32(CU_STREAM_PER_THREAD, buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(kernels().add_u32(CU_STREAM_LEGACY, buffer.address(), 2, buffer.count()), is_ok());
  ASSERT_THAT(driver().cuStreamSynchronize(CU_STREAM_LEGACY), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

}  // namespace
}  // namespace etrt::conformance
