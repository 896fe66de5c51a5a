#pragma once

// Stream capture, as the suites of graphs and green contexts use it.

#include <utility>

#include <conformance/suite.h>

namespace etrt::conformance {

class CaptureFixture : public ContextFixture {
 protected:
  CUresult begin(const cuda::Stream& stream, CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_GLOBAL) const {
    return driver().cuStreamBeginCapture(stream.get(), mode);
  }

  /// Ends a capture that must succeed.
  cuda::Graph end(const cuda::Stream& stream) const {
    CUgraph graph = nullptr;
    EXPECT_THAT(driver().cuStreamEndCapture(stream.get(), &graph), is_ok());
    if (graph == nullptr) return {};
    return {driver(), graph};
  }

  /// Ends a capture whatever has become of it, and gives the driver's answer.
  CUresult abandon(const cuda::Stream& stream) const {
    CUgraph graph = nullptr;
    const CUresult result = driver().cuStreamEndCapture(stream.get(), &graph);
    if (graph != nullptr) {
      EXPECT_THAT(driver().cuGraphDestroy(graph), is_ok());
    }
    return result;
  }

  CUstreamCaptureStatus status(CUstream stream) const {
    auto status = CU_STREAM_CAPTURE_STATUS_NONE;
    EXPECT_THAT(driver().cuStreamIsCapturing(stream, &status), is_ok());
    return status;
  }

  /// What `body` enqueues on `stream`, ready to be launched.
  template <class Body>
  cuda::GraphExec capture(const cuda::Stream& stream, Body body) const {
    EXPECT_THAT(begin(stream), is_ok());
    body();
    const cuda::Graph graph = end(stream);
    return must(cuda::create_graph_exec(driver(), graph));
  }

  CUresult launch(const cuda::GraphExec& exec, const cuda::Stream& stream) const {
    return driver().cuGraphLaunch(exec.get(), stream.get());
  }

  std::size_t node_count(const cuda::Graph& graph) const {
    std::size_t count = 0;
    EXPECT_THAT(driver().cuGraphGetNodes(graph.get(), nullptr, &count), is_ok());
    return count;
  }
};

}  // namespace etrt::conformance
