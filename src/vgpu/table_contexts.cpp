#include <vgpu/call.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

CUresult primary_retain(Machine& machine, CUcontext* context, CUdevice ordinal) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
    Device* device = machine.device(ordinal);
    if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    ++device->retains;
    device->primary->active = true;
    *context = device->primary->handle;
    return CUDA_SUCCESS;
  });
}

CUresult primary_release(Machine& machine, CUdevice ordinal) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    Device* device = machine.device(ordinal);
    if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    if (device->retains == 0) return CUDA_ERROR_INVALID_CONTEXT;
    machine.release_primary(*device, call.lock);
    return CUDA_SUCCESS;
  });
}

CUresult primary_get_state(Machine& machine, CUdevice ordinal, unsigned* flags, int* active) {
  return enter(machine, Needs::kInit, [&](Call&) {
    const Device* device = machine.device(ordinal);
    if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    if (flags == nullptr || active == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *flags = 0;
    *active = device->primary->active ? 1 : 0;
    return CUDA_SUCCESS;
  });
}

CUresult get_current(Machine& machine, CUcontext* context) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (context == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *context = call.thread.current() != nullptr ? call.thread.current()->handle : nullptr;
    return CUDA_SUCCESS;
  });
}

CUresult set_current(Machine& machine, CUcontext handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    auto& stack = call.thread.contexts;
    if (handle == nullptr) {
      if (!stack.empty()) stack.pop_back();
      return CUDA_SUCCESS;
    }
    const auto context = lookup(machine.contexts, handle);
    if (context == nullptr || !context->active) return CUDA_ERROR_INVALID_CONTEXT;
    if (stack.empty()) {
      stack.push_back(context);
    } else {
      stack.back() = context;
    }
    return CUDA_SUCCESS;
  });
}

CUresult push_current(Machine& machine, CUcontext handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (handle == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const auto context = lookup(machine.contexts, handle);
    if (context == nullptr || !context->active) return CUDA_ERROR_INVALID_CONTEXT;
    call.thread.contexts.push_back(context);
    return CUDA_SUCCESS;
  });
}

CUresult pop_current(Machine& machine, CUcontext* popped) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    auto& stack = call.thread.contexts;
    if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (popped != nullptr) *popped = stack.back()->handle;
    stack.pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult get_device(Machine& machine, CUdevice* device) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (call.thread.contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    // A context that was destroyed while it is current answers, too: seen on an H100.
    *device = call.context().device->ordinal;
    return CUDA_SUCCESS;
  });
}

CUresult synchronize(Machine& machine) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    if (const CUresult refused = call.refuse_in_capture("cuCtxSynchronize", true)) return refused;
    for (const auto& stream : machine.open_streams) {
      if (stream->context.get() != &call.context()) continue;
      if (const CUresult refused = call.refuse_capturing(*stream, "cuCtxSynchronize", true)) return refused;
    }
    const auto points = machine.points_of(call.context());
    VectorClock seen;
    if (machine.checker != nullptr) seen = Machine::clock_of(call.context(), points);
    for (const Point& point : points) call.wait(point);
    if (machine.checker != nullptr) machine.checker->host_observed(seen);
    return CUDA_SUCCESS;
  });
}

}  // namespace

void bind_contexts(cuda::Driver& table, Machine& machine) {
  bind<&primary_retain>(table.cuDevicePrimaryCtxRetain, machine);
  bind<&primary_release>(table.cuDevicePrimaryCtxRelease, machine);
  bind<&primary_get_state>(table.cuDevicePrimaryCtxGetState, machine);
  bind<&get_current>(table.cuCtxGetCurrent, machine);
  bind<&set_current>(table.cuCtxSetCurrent, machine);
  bind<&push_current>(table.cuCtxPushCurrent, machine);
  bind<&pop_current>(table.cuCtxPopCurrent, machine);
  bind<&get_device>(table.cuCtxGetDevice, machine);
  bind<&synchronize>(table.cuCtxSynchronize, machine);
}

}  // namespace etrt::vgpu
