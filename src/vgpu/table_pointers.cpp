#include <cstring>

#include <vgpu/call.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

constexpr int kNoDevice = -2;  // CU_DEVICE_INVALID

template <class T>
CUresult put(void* data, T value) {
  std::memcpy(data, &value, sizeof(T));  // NOLINT(bugprone-sizeof-expression): handles are values here
  return CUDA_SUCCESS;
}

/// Writes one attribute of `allocation`, or CUDA's default when that is null, and says whether it had the attribute.
CUresult write_attribute(Machine& machine, const Allocation* allocation, std::uint64_t address, int attribute,
                         void* data) {
  const bool known = allocation != nullptr;
  const bool pinned = known && allocation->pinned;
  switch (attribute) {
    case CU_POINTER_ATTRIBUTE_CONTEXT: {
      const bool has = known && !allocation->stream_ordered;
      return put(data, has ? machine.device(allocation->device)->primary->handle : CUcontext{});
    }
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE: {
      const unsigned type = pinned ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
      return put(data, known ? type : 0u);
    }
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER:
      return put(data, known ? CUdeviceptr{address} : CUdeviceptr{0});
    case CU_POINTER_ATTRIBUTE_HOST_POINTER:
      put(data, pinned ? address : std::uint64_t{0});
      return pinned ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    case CU_POINTER_ATTRIBUTE_BUFFER_ID:
      return put(data, known ? allocation->id : std::uint64_t{0});
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL:
      return put(data, known ? allocation->device : kNoDevice);
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
      return put(data, known ? allocation->address : std::uint64_t{0});
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE:
      return put(data, known ? allocation->bytes : std::size_t{0});
    case CU_POINTER_ATTRIBUTE_MAPPED:
      return put(data, known ? 1u : 0u);
    case CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE:
    case CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES:
      return put(data, std::uint64_t{0});
    case CU_POINTER_ATTRIBUTE_SYNC_MEMOPS:
    case CU_POINTER_ATTRIBUTE_IS_MANAGED:
    case CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE:
    case CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE:
      return put(data, 0u);
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

const Allocation* find(Machine& machine, CUdeviceptr address) {
  const Allocation* allocation = machine.memory.around(address);
  return allocation != nullptr && !allocation->freed ? allocation : nullptr;
}

CUresult get_attribute(Machine& machine, void* data, CUpointer_attribute attribute, CUdeviceptr address) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (data == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const Allocation* allocation = find(machine, address);
    if (allocation == nullptr) return CUDA_ERROR_INVALID_VALUE;
    return write_attribute(machine, allocation, address, number_of(attribute), data);
  });
}

CUresult get_attributes(Machine& machine, unsigned count, CUpointer_attribute* attributes, void** data,
                        CUdeviceptr address) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (count == 0 || attributes == nullptr || data == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const Allocation* allocation = find(machine, address);
    for (unsigned i = 0; i < count; ++i) {
      if (data[i] == nullptr) return CUDA_ERROR_INVALID_VALUE;
      const int attribute = number_of(attributes[i]);
      const CUresult written = write_attribute(machine, allocation, address, attribute, data[i]);
      if (written != CUDA_SUCCESS && attribute != CU_POINTER_ATTRIBUTE_HOST_POINTER) return written;
    }
    return CUDA_SUCCESS;
  });
}

}  // namespace

void bind_pointers(cuda::Driver& table, Machine& machine) {
  bind<&get_attribute>(table.cuPointerGetAttribute, machine);
  bind<&get_attributes>(table.cuPointerGetAttributes, machine);
}

}  // namespace etrt::vgpu
