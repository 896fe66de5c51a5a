#include <vgpu/call.h>
#include <vgpu/handle.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

bool is_mode(const CUstreamCaptureMode& mode) {
  const int number = number_of(mode);
  return number >= CU_STREAM_CAPTURE_MODE_GLOBAL && number <= CU_STREAM_CAPTURE_MODE_RELAXED;
}

CUresult begin_capture(Machine& machine, CUstream handle, CUstreamCaptureMode mode) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (!is_mode(mode)) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    if (stream->role == Stream::Role::kLegacy) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (stream->capture != nullptr) return CUDA_ERROR_ILLEGAL_STATE;
    auto capture = std::make_shared<Capture>();
    capture->mode = mode;
    capture->thread = call.thread.id;
    capture->id = next_capture_id();
    capture->graph = next_handle<CUgraph>();
    capture->references = std::make_shared<UserReferences>(machine.user_objects);
    capture->origin = stream.get();
    capture->participants.push_back(stream.get());
    stream->capture = capture;
    machine.captures.push_back(std::move(capture));
    return CUDA_SUCCESS;
  });
}

std::shared_ptr<const GraphProgram> make_program(Capture& capture) {
  auto program = std::make_shared<GraphProgram>();
  for (auto& node : capture.nodes) {
    const auto& accesses = node.operation->accesses;
    program->accesses.insert(program->accesses.end(), accesses.begin(), accesses.end());
    program->nodes.push_back(std::move(node.operation));
    program->node_handles.push_back(next_handle<CUgraphNode>());
  }
  capture.nodes.clear();
  return program;
}

CUresult end_capture(Machine& machine, CUstream handle, CUgraph* out) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *out = nullptr;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    const auto capture = stream->capture;
    if (capture == nullptr) return CUDA_ERROR_ILLEGAL_STATE;
    if (capture->origin != stream.get()) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
    const bool other_thread = capture->mode != CU_STREAM_CAPTURE_MODE_RELAXED && capture->thread != call.thread.id;
    const bool joined = capture->joined();
    auto references = std::move(capture->references);
    capture->end();
    std::erase(machine.captures, capture);
    const auto program = make_program(*capture);
    // The capture is over all the same: its own thread finds the stream not capturing.
    if (other_thread) return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    if (capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    if (!joined) return CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
    machine.graphs.emplace(capture->graph, std::make_shared<Graph>(Graph{program, std::move(references)}));
    *out = capture->graph;
    return CUDA_SUCCESS;
  });
}

CUstreamCaptureStatus status_of(const Stream& stream) {
  if (stream.capture == nullptr) return CU_STREAM_CAPTURE_STATUS_NONE;
  return stream.capture->invalidated ? CU_STREAM_CAPTURE_STATUS_INVALIDATED : CU_STREAM_CAPTURE_STATUS_ACTIVE;
}

CUresult is_capturing(Machine& machine, CUstream handle, CUstreamCaptureStatus* status) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (status == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    if (call.conflicts_with_captures(*stream, false)) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    *status = status_of(*stream);
    return CUDA_SUCCESS;
  });
}

/// Captured nodes have no handles before the capture ends, so their dependencies cannot be asked for.
CUresult capture_info(Machine& machine, CUstream handle, CUstreamCaptureStatus* status, cuuint64_t* id, CUgraph* graph,
                      const CUgraphNode** dependencies, const CUgraphEdgeData** edges, std::size_t* count) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (status == nullptr || (edges != nullptr && dependencies == nullptr)) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    if (call.conflicts_with_captures(*stream, false)) return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
    if (dependencies != nullptr) return CUDA_ERROR_NOT_SUPPORTED;
    *status = status_of(*stream);
    if (*status != CU_STREAM_CAPTURE_STATUS_ACTIVE) return CUDA_SUCCESS;
    if (id != nullptr) *id = stream->capture->id;
    if (graph != nullptr) *graph = stream->capture->graph;
    if (count != nullptr) *count = stream->tail.size();
    return CUDA_SUCCESS;
  });
}

CUresult exchange_mode(Machine& machine, CUstreamCaptureMode* mode) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (mode == nullptr || !is_mode(*mode)) return CUDA_ERROR_INVALID_VALUE;
    std::swap(*mode, call.thread.capture_mode);
    return CUDA_SUCCESS;
  });
}

CUresult get_nodes(Machine& machine, CUgraph handle, CUgraphNode* nodes, std::size_t* count) {
  return enter(machine, Needs::kInit, [&](Call&) {
    const auto graph = lookup(machine.graphs, handle);
    if (graph == nullptr || count == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const auto& handles = graph->program->node_handles;
    if (nodes == nullptr) {
      *count = handles.size();
      return CUDA_SUCCESS;
    }
    for (std::size_t i = 0; i < *count; ++i) nodes[i] = i < handles.size() ? handles[i] : nullptr;
    *count = std::min(*count, handles.size());
    return CUDA_SUCCESS;
  });
}

CUresult graph_destroy(Machine& machine, CUgraph handle) {
  return enter(machine, Needs::kInit,
               [&](Call&) { return machine.graphs.erase(handle) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE; });
}

CUresult instantiate(Machine& machine, CUgraphExec* out, CUgraph handle, unsigned long long flags) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    constexpr unsigned long long kKnown =
        CUDA_GRAPH_INSTANTIATE_FLAG_AUTO_FREE_ON_LAUNCH | CUDA_GRAPH_INSTANTIATE_FLAG_USE_NODE_PRIORITY;
    if (out == nullptr || (flags & ~kKnown) != 0) return CUDA_ERROR_INVALID_VALUE;
    const auto graph = lookup(machine.graphs, handle);
    if (graph == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (const CUresult refused = call.refuse_in_capture("cuGraphInstantiateWithFlags")) return refused;
    auto exec = std::make_shared<GraphExec>();
    exec->program = graph->program;
    exec->references = std::make_shared<const UserReferences>(*graph->references);
    *out = next_handle<CUgraphExec>();
    machine.graph_execs.emplace(*out, std::move(exec));
    return CUDA_SUCCESS;
  });
}

CUresult launch(Machine& machine, CUgraphExec handle, CUstream stream_handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    const auto exec = lookup(machine.graph_execs, handle);
    if (exec == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find_for_work(stream_handle, stream)) return refused;
    // What an H200 answers, though a graph might have become a node of the captured one.
    if (const CUresult refused = call.refuse_capturing(*stream, "cuGraphLaunch", false)) return refused;
    auto operation = call.operation();
    operation->work = GraphWork{exec->program, exec->references};
    if (!exec->last_launch.reached()) operation->waits.push_back(exec->last_launch);
    if (machine.checker != nullptr) stream->timeline->clock.merge(exec->clock);
    machine.enqueue(stream, std::move(operation), exec->program->accesses);
    exec->last_launch = stream->now();
    if (machine.checker != nullptr) exec->clock = stream->timeline->clock;
    return CUDA_SUCCESS;
  });
}

CUresult exec_destroy(Machine& machine, CUgraphExec handle) {
  return enter(machine, Needs::kInit,
               [&](Call&) { return machine.graph_execs.erase(handle) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE; });
}

}  // namespace

void bind_graphs(cuda::Driver& table, Machine& machine) {
  bind<&begin_capture>(table.cuStreamBeginCapture, machine);
  bind<&end_capture>(table.cuStreamEndCapture, machine);
  bind<&is_capturing>(table.cuStreamIsCapturing, machine);
  bind<&capture_info>(table.cuStreamGetCaptureInfo, machine);
  bind<&exchange_mode>(table.cuThreadExchangeStreamCaptureMode, machine);
  bind<&get_nodes>(table.cuGraphGetNodes, machine);
  bind<&graph_destroy>(table.cuGraphDestroy, machine);
  bind<&instantiate>(table.cuGraphInstantiateWithFlags, machine);
  bind<&launch>(table.cuGraphLaunch, machine);
  bind<&exec_destroy>(table.cuGraphExecDestroy, machine);
}

}  // namespace etrt::vgpu
