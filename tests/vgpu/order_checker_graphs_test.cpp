#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

using Kind = OrderReport::Kind;

class OrderCheckerGraphs : public VgpuTest {
 protected:
  void begin(CUstream stream, CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_RELAXED) {
    EXPECT_EQ(driver().cuStreamBeginCapture(stream, mode), CUDA_SUCCESS);
  }

  CUgraphExec end(CUstream stream) {
    CUgraph graph = nullptr;
    EXPECT_EQ(driver().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
    CUgraphExec exec = nullptr;
    EXPECT_EQ(driver().cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
    EXPECT_EQ(driver().cuGraphDestroy(graph), CUDA_SUCCESS);
    return exec;
  }

  void abandon(CUstream stream) {
    CUgraph graph = nullptr;
    EXPECT_EQ(driver().cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  }

  std::vector<Kind> kinds() {
    std::vector<Kind> found;
    for (const auto& report : reports()) found.push_back(report.kind);
    return found;
  }

  CUstream a = make_stream();
  CUstream b = make_stream();
  CUdeviceptr data = make_buffer();
};

TEST_F(OrderCheckerGraphs, CapturingTouchesNothing) {
  fill(b, data);
  begin(a);
  fill(a, data);
  end(a);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerGraphs, ReportsALaunchNotOrderedWithAnotherStream) {
  begin(a);
  fill(a, data);
  const CUgraphExec exec = end(a);
  const Standstill held(driver(), {a, b});
  fill(b, data);
  driver().cuGraphLaunch(exec, a);
  EXPECT_EQ(kinds(), std::vector{Kind::kUnorderedAccess});
}

TEST_F(OrderCheckerGraphs, AcceptsALaunchOrderedWithAnotherStream) {
  begin(a);
  fill(a, data);
  const CUgraphExec exec = end(a);
  fill(b, data);
  order(b, a);
  driver().cuGraphLaunch(exec, a);
  order(a, b);
  fill(b, data);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerGraphs, LaunchesOfOneGraphAreOrderedInAnyStreams) {
  begin(a);
  fill(a, data);
  const CUgraphExec exec = end(a);
  driver().cuGraphLaunch(exec, a);
  driver().cuGraphLaunch(exec, b);
  driver().cuGraphLaunch(exec, a);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerGraphs, ReportsBranchesOfAGraphThatShareMemory) {
  begin(a);
  order(a, b);
  fill(a, data);
  fill(b, data);
  order(b, a);
  end(a);
  EXPECT_EQ(kinds(), std::vector{Kind::kUnorderedAccess});
}

TEST_F(OrderCheckerGraphs, AcceptsBranchesOfAGraphThatAreJoinedBetween) {
  begin(a);
  fill(a, data);
  order(a, b);
  fill(b, data);
  order(b, a);
  fill(a, data);
  end(a);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerGraphs, ReportsALaunchOnFreedMemory) {
  const CUdeviceptr other = make_buffer();
  begin(a);
  fill(a, other);
  const CUgraphExec exec = end(a);
  EXPECT_EQ(driver().cuMemFree(other), CUDA_SUCCESS);
  driver().cuGraphLaunch(exec, a);
  EXPECT_EQ(kinds(), std::vector{Kind::kUseAfterFree});
}

TEST_F(OrderCheckerGraphs, ReportsAWaitForACapturingStream) {
  begin(a);
  EXPECT_EQ(synchronize(a), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  abandon(a);
  EXPECT_EQ(kinds(), std::vector{Kind::kWaitInCapture});
}

TEST_F(OrderCheckerGraphs, AcceptsAWaitAfterTheCapture) {
  begin(a);
  fill(a, data);
  driver().cuGraphLaunch(end(a), a);
  EXPECT_EQ(synchronize(a), CUDA_SUCCESS);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(OrderCheckerGraphs, ReportsAWaitForACapturedEvent) {
  const CUevent event = make_event();
  begin(a);
  driver().cuEventRecord(event, a);
  EXPECT_EQ(driver().cuEventSynchronize(event), CUDA_ERROR_CAPTURED_EVENT);
  abandon(a);
  EXPECT_EQ(kinds(), std::vector{Kind::kWaitInCapture});
}

TEST_F(OrderCheckerGraphs, ReportsAWaitForTheContextInACapture) {
  begin(a, CU_STREAM_CAPTURE_MODE_GLOBAL);
  EXPECT_EQ(driver().cuCtxSynchronize(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  abandon(a);
  EXPECT_EQ(kinds(), std::vector{Kind::kWaitInCapture});
}

TEST_F(OrderCheckerGraphs, AWaitForAnotherStreamInARelaxedCaptureIsNoMistake) {
  begin(a, CU_STREAM_CAPTURE_MODE_RELAXED);
  EXPECT_EQ(synchronize(b), CUDA_SUCCESS);
  end(a);
  EXPECT_TRUE(kinds().empty());
}

}  // namespace
}  // namespace etrt::vgpu::test
