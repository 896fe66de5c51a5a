#include <string>
#include <utility>

#include <api/in_context.h>
#include <cuda/owners.h>
#include <cuda/relaxed_capture.h>
#include <etrt/graph.h>

namespace etrt {
namespace {

Status missing(const char* entry_point) {
  return Error(ErrorCode::kNotSupported, std::string("the driver has no ") + entry_point + ": graphs need CUDA 10.1");
}

/// The graph of the capture that ends here. A driver that refuses once is asked again: a capture that stays open
/// forbids its thread much of what it does.
Result<cuda::Graph> end_capture(const cuda::Driver& driver, CUstream stream) {
  CUgraph made = nullptr;
  const CUresult ended = driver.cuStreamEndCapture(stream, &made);
  if (ended != CUDA_SUCCESS) static_cast<void>(driver.cuStreamEndCapture(stream, &made));
  cuda::Graph graph = made == nullptr ? cuda::Graph() : cuda::Graph(driver, made);
  ETRT_TRY(cuda::check(driver, ended, "cuStreamEndCapture"));
  return graph;
}

}  // namespace

Graph::Graph(Graph&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}

Graph& Graph::operator=(Graph&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  return *this;
}

Graph::~Graph() {
  if (handle_ == nullptr) return;
  const cuda::Driver& driver = device_.native().driver;
  // Where a capture elsewhere forbids it and the thread cannot be relaxed, a leak breaks nothing.
  const auto relaxed = cuda::RelaxedCapture::enter_for_cleanup(driver);
  if (relaxed) static_cast<void>(driver.cuGraphExecDestroy(handle_));
}

Status Graph::launch(cudaStream_t stream) const {
  const cuda::Device& native = device_.native();
  if (!native.driver.cuGraphLaunch) return missing("cuGraphLaunch");
  return api::in_context(native, "cuGraphLaunch",
                         [&](const cuda::Driver& driver) { return driver.cuGraphLaunch(handle_, stream); });
}

Result<Capture> Capture::begin(const Stream& stream) {
  const cuda::Device& native = stream.device().native();
  if (!native.driver.cuStreamBeginCapture || !native.driver.cuStreamEndCapture) {
    return missing("cuStreamBeginCapture").error();
  }
  ETRT_TRY(api::in_context(native, "cuStreamBeginCapture", [&](const cuda::Driver& driver) {
    return driver.cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  }));
  return Capture(stream.device(), stream.get());
}

Capture::Capture(Capture&& other) noexcept : device_(other.device_), stream_(std::exchange(other.stream_, nullptr)) {}

Capture::~Capture() {
  if (stream_ != nullptr) static_cast<void>(end_capture(device_.native().driver, stream_));
}

Result<Graph> Capture::end() && {
  const cuda::Device& native = device_.native();
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(native.driver, native.ordinal, native.primary));
  ETRT_TRY_ASSIGN(cuda::Graph graph, end_capture(native.driver, std::exchange(stream_, nullptr)));
  ETRT_TRY_ASSIGN(const auto relaxed, cuda::RelaxedCapture::enter(native.driver));
  auto exec = cuda::create_graph_exec(native.driver, graph);
  graph.reset();
  if (!exec.ok()) return std::move(exec).error();
  return Graph(device_, exec->release());
}

}  // namespace etrt
