#include <algorithm>
#include <cstring>
#include <string>

#include <vgpu/call.h>
#include <vgpu/handle.h>
#include <vgpu/table.h>

namespace etrt::vgpu {
namespace {

constexpr std::size_t kMostParameterBytes = 32764;

bool is_image(const void* image) {
  // Byte by byte up to the first difference: what is no image may be shorter than the magic.
  const auto* bytes = static_cast<const char*>(image);
  return std::equal(std::begin(ModuleImage::kMagic), std::end(ModuleImage::kMagic), bytes);
}

CUresult load(Machine& machine, CUmodule* out, const void* image) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    if (out == nullptr || image == nullptr) return CUDA_ERROR_INVALID_VALUE;
    if (!is_image(image)) return CUDA_ERROR_INVALID_IMAGE;
    auto module = std::make_shared<Module>();
    module->device = call.context().device->ordinal;
    module->image = static_cast<const ModuleImage*>(image);
    *out = next_handle<CUmodule>();
    machine.modules.emplace(*out, std::move(module));
    return CUDA_SUCCESS;
  });
}

CUresult unload(Machine& machine, CUmodule handle) {
  return enter(machine, Needs::kContext, [&](Call& call) {
    if (const CUresult refused = call.refuse_in_capture("cuModuleUnload")) return refused;
    const auto module = lookup(machine.modules, handle);
    if (module == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    // As a GPU does, whatever module the work is of.
    for (const Point& point : machine.points_of(*machine.device(module->device)->primary)) call.wait(point);
    for (const auto& [kernel, function] : module->functions) machine.functions.erase(function);
    return machine.modules.erase(handle) == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
  });
}

CUresult get_function(Machine& machine, CUfunction* out, CUmodule handle, const char* name) {
  return enter(machine, Needs::kContext, [&](Call&) {
    if (out == nullptr || name == nullptr) return CUDA_ERROR_INVALID_VALUE;
    const auto module = lookup(machine.modules, handle);
    if (module == nullptr) return CUDA_ERROR_INVALID_HANDLE;
    const auto& kernels = module->image->kernels;
    const auto kernel = std::find_if(kernels.begin(), kernels.end(),
                                     [&](const Kernel& candidate) { return std::strcmp(candidate.name, name) == 0; });
    if (kernel == kernels.end()) return CUDA_ERROR_NOT_FOUND;
    CUfunction& known = module->functions[&*kernel];
    if (known == nullptr) {
      known = next_handle<CUfunction>();
      const auto label = machine.intern(std::string("kernel ") + kernel->name);
      machine.functions.emplace(known, std::make_shared<Function>(Function{&*kernel, module->device, label}));
    }
    *out = known;
    return CUDA_SUCCESS;
  });
}

struct Geometry {
  unsigned grid[3];
  unsigned block[3];
  unsigned shared_bytes;

  bool valid() const {
    constexpr std::uint64_t kMostThreads = 1024;
    constexpr unsigned kMostX = 0x7fffffff, kMostYZ = 65535, kMostBlockZ = 64, kMostShared = 227 * 1024;
    if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0 || block[0] == 0 || block[1] == 0 || block[2] == 0) return false;
    if (grid[0] > kMostX || grid[1] > kMostYZ || grid[2] > kMostYZ || shared_bytes > kMostShared) return false;
    if (block[0] > kMostThreads || block[1] > kMostThreads || block[2] > kMostBlockZ) return false;
    return std::uint64_t{block[0]} * block[1] * block[2] <= kMostThreads && blocks() <= UINT32_MAX;
  }

  std::uint64_t blocks() const {
    const std::uint64_t plane = std::uint64_t{grid[0]} * grid[1];
    return plane > UINT32_MAX ? plane : plane * grid[2];
  }
};

/// A parameter's natural alignment as far as its size tells it: the largest power of two that divides it, at most 8.
std::size_t alignment_of(std::size_t size) {
  return std::min<std::size_t>(size & (~size + 1), 8);
}

bool pack_by_pointers(const Kernel& kernel, void** parameters, std::vector<std::byte>& packed) {
  for (std::size_t i = 0; i < kernel.parameter_sizes.size(); ++i) {
    if (parameters == nullptr || parameters[i] == nullptr) return false;
    const std::size_t size = kernel.parameter_sizes[i];
    if (size == 0) continue;
    const std::size_t alignment = alignment_of(size);
    const std::size_t at = (packed.size() + alignment - 1) / alignment * alignment;
    if (at > kMostParameterBytes || size > kMostParameterBytes - at) return false;
    packed.resize(at + size);
    std::memcpy(packed.data() + at, parameters[i], size);
  }
  return true;
}

std::size_t packed_size(const Kernel& kernel) {
  std::size_t end = 0;
  for (const std::size_t size : kernel.parameter_sizes) {
    if (size == 0) continue;
    const std::size_t alignment = alignment_of(size);
    end = (end + alignment - 1) / alignment * alignment + size;
  }
  return end;
}

bool pack_by_buffer(const Kernel& kernel, void** extra, std::vector<std::byte>& packed) {
  const std::byte* buffer = nullptr;
  std::size_t bytes = 0;
  for (; extra[0] != CU_LAUNCH_PARAM_END; extra += 2) {
    if (extra[0] == CU_LAUNCH_PARAM_BUFFER_POINTER) {
      buffer = static_cast<const std::byte*>(extra[1]);
    } else if (extra[0] == CU_LAUNCH_PARAM_BUFFER_SIZE && extra[1] != nullptr) {
      bytes = *static_cast<const std::size_t*>(extra[1]);
    } else {
      return false;
    }
  }
  if (bytes > kMostParameterBytes || bytes < packed_size(kernel) || (buffer == nullptr && bytes > 0)) return false;
  packed.assign(buffer, buffer + bytes);
  return true;
}

/// Puts what a kernel declares into its operation.
class Declarations final : public AccessSink {
 public:
  Declarations(Call& call, Operation& operation) : call_(call), operation_(operation) {}

  void read(std::uint64_t address, std::size_t bytes) override { call_.declare(operation_, address, bytes, false); }
  void write(std::uint64_t address, std::size_t bytes) override { call_.declare(operation_, address, bytes, true); }

 private:
  Call& call_;
  Operation& operation_;
};

CUresult launch(Call& call, CUfunction handle, const Geometry& geometry, CUstream stream_handle, void** parameters,
                void** extra) {
  const auto function = lookup(call.machine.functions, handle);
  if (function == nullptr) return CUDA_ERROR_INVALID_HANDLE;
  std::shared_ptr<Stream> stream;
  if (const CUresult refused = call.find_for_work(stream_handle, stream)) return refused;
  if (function->device != stream->device()) return CUDA_ERROR_INVALID_HANDLE;
  if (!geometry.valid() || (parameters != nullptr && extra != nullptr)) return CUDA_ERROR_INVALID_VALUE;

  const Kernel& kernel = *function->kernel;
  auto operation = call.operation();
  operation->work = KernelWork{&kernel, static_cast<unsigned>(geometry.blocks()), function->label};
  const bool packed = extra != nullptr ? pack_by_buffer(kernel, extra, operation->bytes)
                                       : pack_by_pointers(kernel, parameters, operation->bytes);
  if (!packed) {
    call.machine.operations.give_back(std::move(operation));
    return CUDA_ERROR_INVALID_VALUE;
  }
  if (call.machine.checker != nullptr && kernel.declare != nullptr) {
    Declarations declarations(call, *operation);
    kernel.declare(operation->bytes.data(), declarations);
  }
  call.submit(stream, std::move(operation));
  return CUDA_SUCCESS;
}

CUresult launch_kernel(Machine& machine, CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                       unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream,
                       void** parameters, void** extra) {
  const Geometry geometry{{grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, shared_bytes};
  return enter(machine, Needs::kInit,
               [&](Call& call) { return launch(call, function, geometry, stream, parameters, extra); });
}

}  // namespace

void bind_modules(cuda::Driver& table, Machine& machine) {
  bind<&load>(table.cuModuleLoadData, machine);
  bind<&unload>(table.cuModuleUnload, machine);
  bind<&get_function>(table.cuModuleGetFunction, machine);
  bind<&launch_kernel>(table.cuLaunchKernel, machine);
}

}  // namespace etrt::vgpu
