#include <vgpu/call.h>
#include <vgpu/handle.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

CUresult create(Machine& machine, CUstream* out, unsigned flags) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    if (out == nullptr || (flags & ~unsigned{CU_STREAM_NON_BLOCKING}) != 0) return CUDA_ERROR_INVALID_VALUE;
    const bool blocking = (flags & CU_STREAM_NON_BLOCKING) == 0;
    const auto stream = machine.make_stream(call.thread.contexts.back(), Stream::Role::kCreated, blocking);
    *out = next_handle<CUstream>();
    machine.streams.emplace(*out, stream);
    machine.join_ended_workers(call.lock);
    return CUDA_SUCCESS;
  });
}

CUresult create_with_priority(Machine& machine, CUstream* out, unsigned flags, int) {
  return create(machine, out, flags);
}

CUresult destroy(Machine& machine, CUstream handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    const auto stream = lookup(machine.streams, handle);
    if (stream == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    machine.streams.erase(handle);
    machine.close_stream(*stream);
    machine.wait_for_idle_worker(*stream, call.lock);
    machine.join_ended_workers(call.lock);
    return CUDA_SUCCESS;
  });
}

CUresult synchronize(Machine& machine, CUstream handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    if (const CUresult refused = call.refuse_in_capture("cuStreamSynchronize", true)) return refused;
    if (const CUresult refused = call.refuse_capturing(*stream, "cuStreamSynchronize", true)) return refused;
    VectorClock seen;
    if (machine.checker != nullptr) seen = stream->timeline->clock;
    call.wait(stream->now());
    if (machine.checker != nullptr) machine.checker->host_observed(seen);
    return CUDA_SUCCESS;
  });
}

CUresult query(Machine& machine, CUstream handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    if (const CUresult refused = call.refuse_in_capture("cuStreamQuery")) return refused;
    if (const CUresult refused = call.refuse_capturing(*stream, "cuStreamQuery", false)) return refused;
    if (!stream->timeline->drained()) return CUDA_ERROR_NOT_READY;
    if (machine.checker != nullptr) machine.checker->host_observed(stream->timeline->clock);
    return CUDA_SUCCESS;
  });
}

CUresult wait_for_captured(Stream& stream, const std::shared_ptr<Stream>& self, const Event& event) {
  const auto& capture = event.capture;
  if (capture->ended) return CUDA_ERROR_INVALID_VALUE;
  if (capture->invalidated) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (stream.role == Stream::Role::kLegacy) {
    capture->invalidated = true;
    return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
  }
  if (stream.capture != nullptr && stream.capture != capture) {
    capture->invalidated = stream.capture->invalidated = true;
    return CUDA_ERROR_STREAM_CAPTURE_MERGE;
  }
  if (stream.capture == nullptr) {
    stream.capture = capture;
    capture->participants.push_back(self.get());
  }
  merge_tail(stream.tail, event.tail);
  return CUDA_SUCCESS;
}

CUresult wait_event(Machine& machine, CUstream handle, CUevent event_handle, unsigned flags) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find_for_work(handle, stream)) return refused;
    const auto event = lookup(machine.events, event_handle);
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (flags == CU_EVENT_WAIT_EXTERNAL) {
      return stream->capture != nullptr ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_ILLEGAL_STATE;
    }
    if (flags != CU_EVENT_WAIT_DEFAULT) return CUDA_ERROR_INVALID_VALUE;
    if (event->capture != nullptr) return wait_for_captured(*stream, stream, *event);
    if (event->recorded.timeline == nullptr) return CUDA_SUCCESS;
    if (stream->capture != nullptr) {
      stream->capture->invalidated = true;
      return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
    }
    if (machine.checker != nullptr) stream->timeline->clock.merge(event->clock);
    if (event->recorded.reached()) return CUDA_SUCCESS;
    auto operation = call.operation();
    operation->work = WaitWork{};
    operation->waits.push_back(event->recorded);
    call.submit(stream, std::move(operation));
    return CUDA_SUCCESS;
  });
}

CUresult get_context(Machine& machine, CUstream handle, CUcontext* out) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    *out = stream->context->handle;
    return CUDA_SUCCESS;
  });
}

CUresult get_green_context(Machine& machine, CUstream handle, CUgreenCtx* out) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    *out = stream->context->green;
    return CUDA_SUCCESS;
  });
}

CUresult get_device(Machine& machine, CUstream handle, CUdevice* out) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    if (const CUresult refused = call.refuse_capturing(*stream, "cuStreamGetDevice", false)) return refused;
    *out = stream->device();
    return CUDA_SUCCESS;
  });
}

CUresult get_id(Machine& machine, CUstream handle, unsigned long long* out) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find(handle, stream)) return refused;
    if (const CUresult refused = call.refuse_capturing(*stream, "cuStreamGetId", false)) return refused;
    *out = stream->id;
    return CUDA_SUCCESS;
  });
}

CUresult launch_host_function(Machine& machine, CUstream handle, CUhostFn function, void* argument) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (function == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find_for_work(handle, stream)) return refused;
    auto operation = call.operation();
    operation->work = HostWork{function, argument};
    call.submit(stream, std::move(operation));
    return CUDA_SUCCESS;
  });
}

}  // namespace

void bind_streams(cuda::Driver& table, Machine& machine) {
  bind<&create>(table.cuStreamCreate, machine);
  bind<&create_with_priority>(table.cuStreamCreateWithPriority, machine);
  bind<&destroy>(table.cuStreamDestroy, machine);
  bind<&synchronize>(table.cuStreamSynchronize, machine);
  bind<&query>(table.cuStreamQuery, machine);
  bind<&wait_event>(table.cuStreamWaitEvent, machine);
  bind<&get_context>(table.cuStreamGetCtx, machine);
  bind<&get_green_context>(table.cuStreamGetGreenCtx, machine);
  bind<&get_device>(table.cuStreamGetDevice, machine);
  bind<&get_id>(table.cuStreamGetId, machine);
  bind<&launch_host_function>(table.cuLaunchHostFunc, machine);
}

}  // namespace etrt::vgpu
