#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>

namespace etrt::cuda {

Status begin_capture(const Driver& driver, StreamRef stream) {
  return check(driver, driver.cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
               "cuStreamBeginCapture");
}

Result<Graph> end_capture(const Driver& driver, StreamRef stream) {
  CUgraph made = nullptr;
  const CUresult ended = driver.cuStreamEndCapture(stream.get(), &made);
  // A driver that refuses once is asked again: an open capture forbids its thread much of what it does.
  if (ended != CUDA_SUCCESS) static_cast<void>(driver.cuStreamEndCapture(stream.get(), &made));
  Graph graph = made == nullptr ? Graph() : Graph(driver, made);
  ETRT_TRY(check(driver, ended, "cuStreamEndCapture"));
  return graph;
}

Result<GraphExec> instantiate(const Driver& driver, Graph graph) {
  ETRT_TRY_ASSIGN(const auto relaxed, RelaxedCapture::enter(driver));
  auto exec = create_graph_exec(driver, graph);
  graph.reset();
  return exec;
}

}  // namespace etrt::cuda
