#include <cstdlib>

#include <vgpu/call.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

constexpr std::size_t kPinnedAlignment = 4096;

/// Gives out device memory of the current context's or the stream's device.
CUresult allocate(Machine& machine, Device& device, std::size_t bytes, bool stream_ordered, CUdeviceptr* out) {
  const auto address = device.arena.allocate(bytes);
  if (!address) return CUDA_ERROR_OUT_OF_MEMORY;
  Allocation allocation;
  allocation.address = *address;
  allocation.bytes = bytes;
  allocation.device = device.ordinal;
  allocation.stream_ordered = stream_ordered;
  machine.memory.insert(std::move(allocation));
  if (machine.checker != nullptr) machine.checker->allocated(*address, bytes);
  *out = *address;
  return CUDA_SUCCESS;
}

CUresult get_info(Machine& machine, std::size_t* free, std::size_t* total) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    if (free == nullptr || total == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *free = call.context().device->arena.free_bytes();
    *total = call.context().device->arena.size();
    return CUDA_SUCCESS;
  });
}

CUresult alloc(Machine& machine, CUdeviceptr* out, std::size_t bytes) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    if (out == nullptr || bytes == 0) return CUDA_ERROR_INVALID_VALUE;
    if (const CUresult refused = call.refuse_in_capture("cuMemAlloc")) return refused;
    return allocate(machine, *call.context().device, bytes, false, out);
  });
}

/// Frees an allocation after the work that is under way on `devices`, as CUDA's synchronising frees do.
void free_after_work(Call& call, Allocation& allocation, const std::vector<Device*>& devices) {
  allocation.freed = true;  // A second free, or a use, is refused from here on.
  const std::uint64_t address = allocation.address;
  call.deliver_reports();  // A mistake is told before the wait that it may turn into.
  for (const Device* device : devices) {
    for (const Point& point : call.machine.points_of(*device->primary)) call.wait(point);
  }
  if (Allocation* still = call.machine.memory.starting_at(address)) call.machine.release_allocation(*still);
}

CUresult free_device(Machine& machine, CUdeviceptr address) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (address == 0) return CUDA_SUCCESS;
    if (!call.thread.contexts.empty() && !call.context().active) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    if (const CUresult refused = call.refuse_in_capture("cuMemFree")) return refused;
    Allocation* allocation = machine.memory.starting_at(address);
    if (allocation == nullptr || allocation->pinned || allocation->freed) return CUDA_ERROR_INVALID_VALUE;
    if (machine.checker != nullptr) machine.checker->freed_by_host(address);
    // CUDA: no implicit synchronisation for stream-ordered memory.
    std::vector<Device*> waited_for;
    if (!allocation->stream_ordered) waited_for.push_back(machine.device(allocation->device));
    free_after_work(call, *allocation, waited_for);
    return CUDA_SUCCESS;
  });
}

/// The stream that memory is to be allocated or freed in. Graphs have no nodes for that here: a capture is refused, and
/// goes on.
CUresult find_for_memory(Call& call, CUstream handle, std::string_view name, std::shared_ptr<Stream>& stream) {
  if (const CUresult refused = call.find_for_work(handle, stream)) return refused;
  if (stream->capture != nullptr) return CUDA_ERROR_NOT_SUPPORTED;
  return call.refuse_in_capture(name);
}

CUresult alloc_async(Machine& machine, CUdeviceptr* out, std::size_t bytes, CUstream handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (out == nullptr) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = find_for_memory(call, handle, "cuMemAllocAsync", stream)) return refused;
    if (bytes == 0) {
      *out = 0;
      return CUDA_SUCCESS;
    }
    Device& device = *stream->context->device;
    if (const CUresult failed = allocate(machine, device, bytes, true, out)) return failed;
    auto operation = call.operation();
    operation->work = AllocateWork{};
    call.declare(*operation, *out, bytes, true);
    call.submit(stream, std::move(operation));
    return CUDA_SUCCESS;
  });
}

CUresult free_async(Machine& machine, CUdeviceptr address, CUstream handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = find_for_memory(call, handle, "cuMemFreeAsync", stream)) return refused;
    if (address == 0) return CUDA_SUCCESS;
    Allocation* allocation = machine.memory.starting_at(address);
    if (allocation == nullptr || allocation->pinned || allocation->freed) return CUDA_ERROR_INVALID_VALUE;
    allocation->freed = true;
    auto operation = call.operation();
    operation->work = ReleaseWork{address};
    call.declare(*operation, address, allocation->bytes, true);
    call.submit(stream, std::move(operation));
    if (machine.checker != nullptr) machine.checker->freed_in_stream(address, *stream->timeline);
    return CUDA_SUCCESS;
  });
}

CUresult host_alloc(Machine& machine, void** out, std::size_t bytes, unsigned flags) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    constexpr unsigned kKnown = CU_MEMHOSTALLOC_PORTABLE | CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED;
    if (out == nullptr || (flags & ~kKnown) != 0) return CUDA_ERROR_INVALID_VALUE;
    if (const CUresult refused = call.refuse_in_capture("cuMemHostAlloc")) return refused;
    void* memory = nullptr;
    *out = nullptr;
    if (bytes == 0) return CUDA_SUCCESS;
    if (posix_memalign(&memory, kPinnedAlignment, bytes) != 0) return CUDA_ERROR_OUT_OF_MEMORY;
    Allocation allocation;
    allocation.host.reset(memory);
    allocation.address = reinterpret_cast<std::uint64_t>(memory);
    allocation.bytes = bytes;
    allocation.device = call.context().device->ordinal;
    allocation.pinned = true;
    if (machine.checker != nullptr) machine.checker->allocated(allocation.address, bytes);
    machine.memory.insert(std::move(allocation));
    *out = memory;
    return CUDA_SUCCESS;
  });
}

CUresult free_host(Machine& machine, void* memory) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    if (memory == nullptr) return CUDA_SUCCESS;
    if (const CUresult refused = call.refuse_in_capture("cuMemFreeHost")) return refused;
    Allocation* allocation = machine.memory.starting_at(reinterpret_cast<std::uint64_t>(memory));
    if (allocation == nullptr || !allocation->pinned || allocation->freed) return CUDA_ERROR_INVALID_VALUE;
    if (machine.checker != nullptr) machine.checker->freed_by_host(allocation->address);
    std::vector<Device*> all;
    for (const auto& device : machine.devices) all.push_back(device.get());
    free_after_work(call, *allocation, all);
    return CUDA_SUCCESS;
  });
}

}  // namespace

void bind_memory(cuda::Driver& table, Machine& machine) {
  bind<&get_info>(table.cuMemGetInfo, machine);
  bind<&alloc>(table.cuMemAlloc, machine);
  bind<&free_device>(table.cuMemFree, machine);
  bind<&alloc_async>(table.cuMemAllocAsync, machine);
  bind<&free_async>(table.cuMemFreeAsync, machine);
  bind<&host_alloc>(table.cuMemHostAlloc, machine);
  bind<&free_host>(table.cuMemFreeHost, machine);
}

}  // namespace etrt::vgpu
