#include <utility>

#include <api/in_context.h>
#include <cuda/relaxed_capture.h>
#include <cuda/stream_capture.h>
#include <etrt/graph.h>

namespace etrt {
namespace {

/// Graphs come from captures alone, so it is asked where these begin.
Status check_captures(const cuda::Driver& driver) {
  if (cuda::has_captures(driver)) return {};
  return Error(ErrorCode::kNotSupported, "the driver has no stream captures: graphs need CUDA 10.1");
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
  return api::in_context(native, "cuGraphLaunch",
                         [&](const cuda::Driver& driver) { return driver.cuGraphLaunch(handle_, stream); });
}

Result<Capture> Capture::begin(const Stream& stream) {
  const cuda::Device& native = stream.device().native();
  ETRT_TRY(check_captures(native.driver));
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(native.driver, native.ordinal, native.primary));
  ETRT_TRY(cuda::begin_capture(native.driver, stream.get()));
  return Capture(stream.device(), stream.get());
}

Capture::Capture(Capture&& other) noexcept : device_(other.device_), stream_(std::exchange(other.stream_, nullptr)) {}

Capture::~Capture() {
  if (stream_ != nullptr) static_cast<void>(cuda::end_capture(device_.native().driver, stream_));
}

Result<Graph> Capture::end() && {
  const cuda::Device& native = device_.native();
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(native.driver, native.ordinal, native.primary));
  ETRT_TRY_ASSIGN(cuda::Graph graph, cuda::end_capture(native.driver, std::exchange(stream_, nullptr)));
  ETRT_TRY_ASSIGN(auto exec, cuda::instantiate(native.driver, std::move(graph)));
  return Graph(device_, exec.release());
}

}  // namespace etrt
