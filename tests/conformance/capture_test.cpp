// What CUDA promises about stream capture: what is captured. What other calls do to a capture is in
// capture_calls_test.cpp, what ends one badly in capture_errors_test.cpp.
#include <conformance/capturing.h>
#include <cuda/relaxed_capture.h>

namespace etrt::conformance {
namespace {

class Capture : public CaptureFixture {};
ETRT_ON_EVERY_PROVIDER(Capture);

TEST_P(Capture, WorkDoesNotRunWhileItIsCapturedNorAfter) {
  const auto out = create_pinned();
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream, CU_STREAM_CAPTURE_MODE_RELAXED), is_ok());
  ASSERT_THAT(kernels().fill_u32(stream.get(), out.address(), 7, out.count()), is_ok());
  give_others_a_chance();
  EXPECT_THAT(out.values(), Each(0u));
  const auto graph = end(stream);
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(out.values(), Each(0u));
}

TEST_P(Capture, AStreamTellsWhetherItIsCaptured) {
  const auto stream = create_stream();
  EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_NONE);
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  const auto graph = end(stream);
  EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_NONE);
}

TEST_P(Capture, OneStreamDoesNotCaptureAnother) {
  const auto captured = create_stream();
  const auto other = create_stream();
  ASSERT_THAT(begin(captured), is_ok());
  EXPECT_EQ(status(other.get()), CU_STREAM_CAPTURE_STATUS_NONE);
  EXPECT_THAT(abandon(captured), is_ok());
}

TEST_P(Capture, WorkOfOtherStreamsRunsMeanwhile) {
  const auto out = create_pinned();
  const auto done = create_event();
  const auto captured = create_stream();
  const auto other = create_stream();
  ASSERT_THAT(begin(captured), is_ok());
  EXPECT_THAT(kernels().fill_u32(other.get(), out.address(), 7, out.count()), is_ok());
  EXPECT_THAT(driver().cuEventRecord(done.get(), other.get()), is_ok());
  EXPECT_THAT(abandon(captured), is_ok());
  ASSERT_THAT(driver().cuEventSynchronize(done.get()), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

TEST_P(Capture, AGraphHasANodeForEachOperation) {
  const auto pinned = create_pinned();
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuMemsetD32Async(buffer.address(), 1, buffer.count(), stream.get()), is_ok());
  EXPECT_THAT(kernels().add_u32(stream.get(), buffer.address(), 1, buffer.count()), is_ok());
  EXPECT_THAT(driver().cuMemcpyDtoHAsync(pinned.data(), buffer.address(), buffer.bytes(), stream.get()), is_ok());
  const auto graph = end(stream);
  ASSERT_TRUE(graph);
  EXPECT_EQ(node_count(graph), 3u);
}

TEST_P(Capture, OfNothingIsAGraphOfNothing) {
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  const auto graph = end(stream);
  ASSERT_TRUE(graph);
  EXPECT_EQ(node_count(graph), 0u);
}

TEST_P(Capture, WorkEnqueuedBeforeIsNoPartOfIt) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  ASSERT_THAT(begin(stream), is_ok());
  const auto graph = end(stream);
  ASSERT_TRUE(graph);
  EXPECT_EQ(node_count(graph), 0u);
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Capture, SpreadsToAStreamThatWaitsForACapturedEvent) {
  const auto buffer = create_buffer();
  const auto fork = create_event();
  const auto join = create_event();
  const auto origin = create_stream();
  const auto branch = create_stream();
  ASSERT_THAT(begin(origin), is_ok());
  EXPECT_THAT(kernels().fill_u32(origin.get(), buffer.address(), 40, buffer.count()), is_ok());
  EXPECT_THAT(driver().cuEventRecord(fork.get(), origin.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(branch.get(), fork.get(), 0), is_ok());
  EXPECT_EQ(status(branch.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_THAT(kernels().add_u32(branch.get(), buffer.address(), 2, buffer.count()), is_ok());
  EXPECT_THAT(driver().cuEventRecord(join.get(), branch.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(origin.get(), join.get(), 0), is_ok());
  const auto graph = end(origin);
  EXPECT_EQ(status(branch.get()), CU_STREAM_CAPTURE_STATUS_NONE);
  ASSERT_TRUE(graph);
  EXPECT_EQ(node_count(graph), 2u);
  const auto exec = must(cuda::create_graph_exec(driver(), graph));
  ASSERT_THAT(launch(exec, origin), is_ok());
  ASSERT_THAT(synchronize(origin), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Capture, OfThePerThreadStreamWorks) {
  const auto buffer = create_buffer();
  ASSERT_THAT(driver().cuStreamBeginCapture(CU_STREAM_PER_THREAD, CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  EXPECT_THAT(kernels().fill_u32(CU_STREAM_PER_THREAD, buffer.address(), 7, buffer.count()), is_ok());
  CUgraph handle = nullptr;
  ASSERT_THAT(driver().cuStreamEndCapture(CU_STREAM_PER_THREAD, &handle), is_ok());
  const cuda::Graph graph(driver(), handle);
  EXPECT_EQ(node_count(graph), 1u);
}

TEST_P(Capture, WaitingForAnEventNeverRecordedAddsNothing) {
  const auto event = create_event();
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(stream.get(), event.get(), 0), is_ok());
  const auto graph = end(stream);
  ASSERT_TRUE(graph);
  EXPECT_EQ(node_count(graph), 0u);
}

// Modes: calls that the capture cannot see are refused, unless the thread says that it knows what it does.

TEST_P(Capture, AThreadStartsInGlobalMode) {
  auto mode = CU_STREAM_CAPTURE_MODE_RELAXED;
  ASSERT_THAT(driver().cuThreadExchangeStreamCaptureMode(&mode), is_ok());
  EXPECT_EQ(mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
  ASSERT_THAT(driver().cuThreadExchangeStreamCaptureMode(&mode), is_ok());
  EXPECT_EQ(mode, CU_STREAM_CAPTURE_MODE_RELAXED);
}

TEST_P(Capture, AThreadInRelaxedModeMayAllocateAndQueryEvents) {
  const auto event = create_event();
  const auto stream = create_stream();
  CUdeviceptr memory = 0;
  ASSERT_THAT(begin(stream), is_ok());
  {
    const auto relaxed = must(cuda::RelaxedCapture::enter(driver()));
    EXPECT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
    EXPECT_THAT(driver().cuEventQuery(event.get()), is_ok());
  }
  EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_THAT(abandon(stream), is_ok());
  EXPECT_THAT(driver().cuMemFree(memory), is_ok());
}

TEST_P(Capture, InRelaxedModeForbidsItsThreadNothing) {
  const auto stream = create_stream();
  CUdeviceptr memory = 0;
  ASSERT_THAT(begin(stream, CU_STREAM_CAPTURE_MODE_RELAXED), is_ok());
  EXPECT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
  EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_THAT(abandon(stream), is_ok());
  EXPECT_THAT(driver().cuMemFree(memory), is_ok());
}

TEST_P(Capture, InThreadLocalModeForbidsOtherThreadsNothing) {
  const auto stream = create_stream();
  CUdeviceptr memory = 0;
  ASSERT_THAT(begin(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), is_ok());
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
  });
  EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  EXPECT_THAT(abandon(stream), is_ok());
  EXPECT_THAT(driver().cuMemFree(memory), is_ok());
}

TEST_P(Capture, InRelaxedModeMayEndOnAnotherThread) {
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream, CU_STREAM_CAPTURE_MODE_RELAXED), is_ok());
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(abandon(stream), is_ok());
  });
}

}  // namespace
}  // namespace etrt::conformance
