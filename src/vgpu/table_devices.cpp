#include <cstring>

#include <vgpu/call.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

constexpr int kDriverVersion = 13000;
constexpr const char kName[] = "etrt virtual GPU";

CUresult init(Machine& machine, unsigned flags) {
  if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
  if (machine.forked()) return CUDA_ERROR_NOT_INITIALIZED;
  Call call(machine);
  if (call.thread.is_worker) return CUDA_ERROR_NOT_PERMITTED;
  if (machine.devices.empty()) return CUDA_ERROR_NO_DEVICE;
  machine.initialised = true;
  return CUDA_SUCCESS;
}

CUresult driver_get_version(Machine&, int* version) {
  if (version == nullptr) return CUDA_ERROR_INVALID_VALUE;
  *version = kDriverVersion;
  return CUDA_SUCCESS;
}

CUresult device_get_count(Machine& machine, int* count) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (count == nullptr) return CUDA_ERROR_INVALID_VALUE;
    *count = static_cast<int>(machine.devices.size());
    return CUDA_SUCCESS;
  });
}

CUresult device_get(Machine& machine, CUdevice* device, int ordinal) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (device == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (machine.device(ordinal) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_SUCCESS;
  });
}

CUresult device_get_name(Machine& machine, char* name, int length, CUdevice device) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (name == nullptr || length <= 0) return CUDA_ERROR_INVALID_VALUE;
    if (machine.device(device) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    std::strncpy(name, kName, static_cast<std::size_t>(length));
    name[length - 1] = '\0';
    return CUDA_SUCCESS;
  });
}

/// Limits are those of current GPUs; there is no compute capability, so that no engine for a real GPU seems to fit.
int attribute(const Machine& machine, int attribute) {
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      return machine.sms.sm_count();
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y:
      return 1024;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z:
      return 64;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X:
      return 0x7fffffff;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z:
      return 65535;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
      return 49152;
    case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY:
      return 65536;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
      return 32;
    case CU_DEVICE_ATTRIBUTE_TEXTURE_ALIGNMENT:
      return static_cast<int>(Arena::kAlignment);
    case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID:
      return 0;
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
    case CU_DEVICE_ATTRIBUTE_GPU_OVERLAP:
    case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
    case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
    case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
    case CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED:
      return 1;
    default:
      return 0;
  }
}

CUresult device_get_attribute(Machine& machine, int* value, CUdevice_attribute which, CUdevice device) {
  return enter(machine, Needs::kInit, [&](Call&) {
    const int number = number_of(which);
    if (value == nullptr || number <= 0 || number >= CU_DEVICE_ATTRIBUTE_MAX) return CUDA_ERROR_INVALID_VALUE;
    if (machine.device(device) == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    *value = attribute(machine, number);
    return CUDA_SUCCESS;
  });
}

CUresult device_total_mem(Machine& machine, std::size_t* bytes, CUdevice ordinal) {
  return enter(machine, Needs::kInit, [&](Call&) {
    if (bytes == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const Device* device = machine.device(ordinal);
    if (device == nullptr) return CUDA_ERROR_INVALID_DEVICE;
    *bytes = device->arena.size();
    return CUDA_SUCCESS;
  });
}

}  // namespace

void bind_devices(cuda::Driver& table, Machine& machine) {
  bind<&init>(table.cuInit, machine);
  bind<&driver_get_version>(table.cuDriverGetVersion, machine);
  bind<&device_get_count>(table.cuDeviceGetCount, machine);
  bind<&device_get>(table.cuDeviceGet, machine);
  bind<&device_get_name>(table.cuDeviceGetName, machine);
  bind<&device_get_attribute>(table.cuDeviceGetAttribute, machine);
  bind<&device_total_mem>(table.cuDeviceTotalMem, machine);
}

}  // namespace etrt::vgpu
