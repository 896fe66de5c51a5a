#include <utility>

#include <base/try.h>
#include <cuda/error.h>
#include <cuda/graph_lifetime.h>

namespace etrt::cuda {
namespace {

using Held = std::shared_ptr<void>;

void CUDA_CB let_go(void* cell) {
  const std::unique_ptr<Held> held(static_cast<Held*>(cell));
}

Result<CUgraph> captured_graph(const Driver& driver, StreamRef stream) {
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  CUgraph graph = nullptr;
  ETRT_TRY(check(driver,
                 driver.cuStreamGetCaptureInfo(stream.get(), &status, nullptr, &graph, nullptr, nullptr, nullptr),
                 "cuStreamGetCaptureInfo"));
  if (status == CU_STREAM_CAPTURE_STATUS_ACTIVE) return graph;
  return Error(ErrorCode::kInvalidState, status == CU_STREAM_CAPTURE_STATUS_NONE
                                             ? "the stream is not being captured, so there is no graph to keep anything"
                                             : "the capture of the stream is broken, so there will be no graph");
}

}  // namespace

Status keep_with_captured_graph(const Driver& driver, StreamRef stream, std::shared_ptr<void> held) {
  if (!driver.has_user_objects()) {
    return Error(ErrorCode::kNotSupported,
                 "the driver has no user objects for graphs: captures that keep something need CUDA 12.3 or later");
  }
  ETRT_TRY_ASSIGN(CUgraph graph, captured_graph(driver, stream));
  auto cell = std::make_unique<Held>(std::move(held));
  CUuserObject object = nullptr;
  ETRT_TRY(check(driver, driver.cuUserObjectCreate(&object, cell.get(), let_go, 1, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC),
                 "cuUserObjectCreate"));
  static_cast<void>(cell.release());  // The object's from here on.
  const Status moved = check(driver, driver.cuGraphRetainUserObject(graph, object, 1, CU_GRAPH_USER_OBJECT_MOVE),
                             "cuGraphRetainUserObject");
  if (!moved.ok()) static_cast<void>(driver.cuUserObjectRelease(object, 1));
  return moved;
}

}  // namespace etrt::cuda
