#include <vgpu/call.h>
#include <vgpu/handle.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

CUresult create(Machine& machine, CUevent* out, unsigned flags) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    constexpr unsigned kKnown = CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING | CU_EVENT_INTERPROCESS;
    if (out == nullptr || (flags & ~kKnown) != 0) return CUDA_ERROR_INVALID_VALUE;
    if (flags & CU_EVENT_INTERPROCESS) {
      return flags & CU_EVENT_DISABLE_TIMING ? CUDA_ERROR_NOT_SUPPORTED : CUDA_ERROR_INVALID_VALUE;
    }
    auto event = std::make_shared<Event>();
    event->device = call.context().device->ordinal;
    event->timing = (flags & CU_EVENT_DISABLE_TIMING) == 0;
    *out = next_handle<CUevent>();
    machine.events.emplace(*out, std::move(event));
    return CUDA_SUCCESS;
  });
}

CUresult destroy(Machine& machine, CUevent handle) {
  return enter(machine, Needs::kInit,
               [&](Call&) { return machine.events.erase(handle) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE; });
}

CUresult record(Machine& machine, CUevent handle, CUstream stream_handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    const auto event = lookup(machine.events, handle);
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find_for_work(stream_handle, stream)) return refused;
    if (event->device != stream->device()) return CUDA_ERROR_INVALID_HANDLE;
    ++event->generation;
    if (stream->capture != nullptr) {
      event->capture = stream->capture;
      event->tail = stream->tail;
      return CUDA_SUCCESS;
    }
    event->capture.reset();
    auto operation = call.operation();
    operation->work = RecordWork{event, event->generation};
    call.submit(stream, std::move(operation));
    event->recorded = stream->now();
    if (machine.checker != nullptr) event->clock = stream->timeline->clock;
    return CUDA_SUCCESS;
  });
}

/// The rules that waiting for an event and asking about it share. A captured event answers for itself, whatever the
/// thread's mode.
CUresult refuse(Call& call, const Event& event, std::string_view name, bool waits) {
  if (event.capture != nullptr && !event.capture->ended) {
    event.capture->invalidated = true;
    if (waits && call.machine.checker != nullptr) {
      call.machine.checker->waited_in_capture(name, event.capture->origin->id);
    }
    return CUDA_ERROR_CAPTURED_EVENT;
  }
  if (const CUresult refused = call.refuse_in_capture(name, waits)) return refused;
  return event.capture != nullptr ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult query(Machine& machine, CUevent handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    const auto event = lookup(machine.events, handle);
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (const CUresult refused = refuse(call, *event, "cuEventQuery", false)) return refused;
    if (!event->recorded.reached()) return CUDA_ERROR_NOT_READY;
    if (machine.checker != nullptr) machine.checker->host_observed(event->clock);
    return CUDA_SUCCESS;
  });
}

CUresult synchronize(Machine& machine, CUevent handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    const auto event = lookup(machine.events, handle);
    if (event == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    if (const CUresult refused = refuse(call, *event, "cuEventSynchronize", true)) return refused;
    VectorClock seen;
    if (machine.checker != nullptr) seen = event->clock;
    call.wait(event->recorded);
    if (machine.checker != nullptr) machine.checker->host_observed(seen);
    return CUDA_SUCCESS;
  });
}

CUresult elapsed_time(Machine& machine, float* milliseconds, CUevent from_handle, CUevent to_handle) {
  return enter(machine, Needs::kContext, [&](Call&) {
    if (milliseconds == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const auto from = lookup(machine.events, from_handle);
    const auto to = lookup(machine.events, to_handle);
    if (from == nullptr || to == nullptr || !from->timing || !to->timing) return CUDA_ERROR_INVALID_HANDLE;
    if (from->capture != nullptr || to->capture != nullptr) return CUDA_ERROR_CAPTURED_EVENT;
    if (from->device != to->device || from->generation == 0 || to->generation == 0) return CUDA_ERROR_INVALID_HANDLE;
    if (!from->recorded.reached() || !to->recorded.reached()) return CUDA_ERROR_NOT_READY;
    if (machine.checker != nullptr) {
      for (const auto& event : {from, to}) machine.checker->host_observed(event->clock);
    }
    *milliseconds = static_cast<float>(static_cast<double>(to->time_ns - from->time_ns) * 1e-6);
    return CUDA_SUCCESS;
  });
}

}  // namespace

void bind_events(cuda::Driver& table, Machine& machine) {
  bind<&create>(table.cuEventCreate, machine);
  bind<&destroy>(table.cuEventDestroy, machine);
  bind<&record>(table.cuEventRecord, machine);
  bind<&query>(table.cuEventQuery, machine);
  bind<&synchronize>(table.cuEventSynchronize, machine);
  bind<&elapsed_time>(table.cuEventElapsedTime, machine);
}

}  // namespace etrt::vgpu
