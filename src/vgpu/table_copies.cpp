#include <cstring>

#include <vgpu/call.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

enum class Where { kDevice, kPinned, kPageable };

/// A checked range of memory and where a worker finds it.
struct Range {
  std::uint64_t address;
  std::size_t bytes;
  Where where;
  int device;  ///< of device memory
  void* view;
};

/// What a copy's name promises about its two sides.
enum class Direction { kAny, kToDevice, kToHost, kOnDevice };

/// Checks a range against the allocations: one that leaves its allocation, or names freed device memory, is refused.
CUresult locate(Call& call, std::uint64_t address, std::size_t bytes, std::string_view label, std::uint64_t stream_id,
                Range& range) {
  if (address == 0) return CUDA_ERROR_INVALID_VALUE;
  Machine& machine = call.machine;
  const Allocation* allocation = machine.memory.around(address);
  const bool device = machine.addresses.is_device(address);
  if (allocation == nullptr && !device) {
    range = {address, bytes, Where::kPageable, -1, reinterpret_cast<void*>(address)};
    return CUDA_SUCCESS;
  }
  if (allocation == nullptr || allocation->freed) {
    if (machine.checker != nullptr) machine.checker->refused_after_free(address, bytes, label, stream_id);
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (!allocation->holds(address, bytes)) return CUDA_ERROR_INVALID_VALUE;
  range = {address, bytes, device ? Where::kDevice : Where::kPinned, allocation->device,
           machine.addresses.view(address)};
  return CUDA_SUCCESS;
}

bool fits(Direction direction, const Range& to, const Range& from) {
  switch (direction) {
    case Direction::kAny:
      return true;
    case Direction::kToDevice:
      return to.where != Where::kPageable && from.where != Where::kDevice;
    case Direction::kToHost:
      return to.where != Where::kDevice && from.where != Where::kPageable;
    case Direction::kOnDevice:
      return to.where != Where::kPageable && from.where != Where::kPageable;
  }
  return false;
}

/// Copies a pageable source into the operation, without the lock: it may be long.
CUresult snapshot(Call& call, CUstream handle, Operation& operation, const Range& from,
                  std::shared_ptr<Stream>& stream) {
  call.lock.unlock();
  const auto* bytes = static_cast<const std::byte*>(from.view);
  operation.bytes.assign(bytes, bytes + from.bytes);
  call.lock.lock();
  return call.find_for_work(handle, stream);
}

void wait_and_observe(Call& call, const Stream& stream) {
  VectorClock seen;
  if (call.machine.checker != nullptr) seen = stream.timeline->clock;
  call.wait(stream.now());
  if (call.machine.checker != nullptr) call.machine.checker->host_observed(seen);
}

struct CopyRequest {
  std::uint64_t to;
  std::uint64_t from;
  std::size_t bytes;
  CUstream stream;
  Direction direction;
  bool synchronous = false;
};

CUresult copy(Call& call, const CopyRequest& request) {
  std::shared_ptr<Stream> stream;
  if (const CUresult refused = call.find_for_work(request.stream, stream)) return refused;
  if (request.bytes == 0) return CUDA_SUCCESS;
  Range to{};
  Range from{};
  if (const CUresult bad = locate(call, request.to, request.bytes, "copy", stream->id, to)) return bad;
  if (const CUresult bad = locate(call, request.from, request.bytes, "copy", stream->id, from)) return bad;
  if (!fits(request.direction, to, from)) return CUDA_ERROR_INVALID_VALUE;

  auto operation = call.operation();
  operation->work = CopyWork{to.view, from.view, request.bytes};
  const bool snapshotted = from.where == Where::kPageable && stream->capture == nullptr;
  if (snapshotted) {
    if (const CUresult refused = snapshot(call, request.stream, *operation, from, stream)) {
      call.machine.operations.give_back(std::move(operation));
      return refused;
    }
    std::get<CopyWork>(operation->work).from = nullptr;
  }
  if (!snapshotted) call.declare(*operation, from.address, from.bytes, false);
  call.declare(*operation, to.address, to.bytes, true);
  call.submit(stream, std::move(operation));
  // CUDA: a copy to pageable memory, or between host memories, has ended when the call returns.
  const bool ends = request.synchronous || to.where == Where::kPageable ||
                    (to.where == Where::kPinned && from.where != Where::kDevice);
  if (ends && stream->capture == nullptr) wait_and_observe(call, *stream);
  return CUDA_SUCCESS;
}

std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

CUresult copy_sync(Machine& machine, CUdeviceptr to, CUdeviceptr from, std::size_t bytes) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    return copy(call, {to, from, bytes, CU_STREAM_LEGACY, Direction::kAny, true});
  });
}

CUresult copy_async(Machine& machine, CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    return copy(call, {to, from, bytes, stream, Direction::kAny});
  });
}

CUresult copy_to_device(Machine& machine, CUdeviceptr to, const void* from, std::size_t bytes, CUstream stream) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    return copy(call, {to, address_of(from), bytes, stream, Direction::kToDevice});
  });
}

CUresult copy_to_host(Machine& machine, void* to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    return copy(call, {address_of(to), from, bytes, stream, Direction::kToHost});
  });
}

CUresult copy_on_device(Machine& machine, CUdeviceptr to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    return copy(call, {to, from, bytes, stream, Direction::kOnDevice});
  });
}

CUresult fill(Machine& machine, CUdeviceptr to, std::uint32_t value, std::size_t count, unsigned width,
              CUstream handle) {
  return enter(machine, Needs::kInit, [&](Call& call) {
    std::shared_ptr<Stream> stream;
    if (const CUresult refused = call.find_for_work(handle, stream)) return refused;
    if (count == 0) return CUDA_SUCCESS;
    if (to % width != 0 || count > SIZE_MAX / width) return CUDA_ERROR_INVALID_VALUE;
    Range range{};
    if (const CUresult bad = locate(call, to, count * width, "memset", stream->id, range)) return bad;
    if (range.where == Where::kPageable) return CUDA_ERROR_INVALID_VALUE;
    // A copy finds its way to another device; a memset needs peer access, which nobody can ask for here.
    if (range.where == Where::kDevice && range.device != stream->device()) return CUDA_ERROR_INVALID_VALUE;
    auto operation = call.operation();
    operation->work = FillWork{range.view, count, value, width};
    call.declare(*operation, to, range.bytes, true);
    call.submit(stream, std::move(operation));
    return CUDA_SUCCESS;
  });
}

CUresult fill_bytes(Machine& machine, CUdeviceptr to, unsigned char value, std::size_t count, CUstream stream) {
  return fill(machine, to, value, count, 1, stream);
}

CUresult fill_words(Machine& machine, CUdeviceptr to, unsigned value, std::size_t count, CUstream stream) {
  return fill(machine, to, value, count, 4, stream);
}

}  // namespace

void bind_copies(cuda::Driver& table, Machine& machine) {
  bind<&copy_sync>(table.cuMemcpy, machine);
  bind<&copy_async>(table.cuMemcpyAsync, machine);
  bind<&copy_to_device>(table.cuMemcpyHtoDAsync, machine);
  bind<&copy_to_host>(table.cuMemcpyDtoHAsync, machine);
  bind<&copy_on_device>(table.cuMemcpyDtoDAsync, machine);
  bind<&fill_bytes>(table.cuMemsetD8Async, machine);
  bind<&fill_words>(table.cuMemsetD32Async, machine);
}

}  // namespace etrt::vgpu
