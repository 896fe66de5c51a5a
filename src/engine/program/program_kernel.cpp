#include <array>
#include <cstring>
#include <memory_resource>

#include <engine/program/program_context.h>
#include <engine/program/program_kernel.h>

namespace etrt::engine::program {
namespace {

struct Header {
  ProgramContext* context;
  std::uint32_t tensors;
  std::uint32_t inputs;
};

struct BoundTensor {
  std::uint64_t address;
  std::uint64_t bytes;
  Dims dims;
};

BoundTensor& bound_tensor(std::byte* buffer, std::size_t index) {
  return reinterpret_cast<BoundTensor*>(buffer + sizeof(Header))[index];
}
const BoundTensor& bound_tensor(const std::byte* buffer, std::size_t index) {
  return reinterpret_cast<const BoundTensor*>(buffer + sizeof(Header))[index];
}
const Header& header(const std::byte* buffer) {
  return *reinterpret_cast<const Header*>(buffer);
}

template <void (ProgramContext::*Step)(std::span<const HostTensor>)>
void run_block(const vgpu::BlockContext& block, const std::byte* parameters) {
  const Header& launch = header(parameters);
  std::array<std::byte, 8192> storage;
  std::pmr::monotonic_buffer_resource arena(storage.data(), storage.size());
  std::pmr::vector<HostTensor> tensors(&arena);
  tensors.reserve(launch.tensors);
  for (std::size_t i = 0; i < launch.tensors; ++i) {
    const BoundTensor& bound = bound_tensor(parameters, i);
    void* memory = bound.bytes > 0 ? block.memory(bound.address) : nullptr;
    tensors.push_back({memory, bound.bytes, bound.dims});
  }
  (launch.context->*Step)(tensors);
}

void declare_accesses(const std::byte* parameters, vgpu::AccessSink& accesses) {
  const Header& launch = header(parameters);
  // The method's own memory: two launches of one context that nothing orders are a mistake in themselves.
  accesses.write(reinterpret_cast<std::uint64_t>(launch.context), 1);
  for (std::size_t i = 0; i < launch.tensors; ++i) {
    const BoundTensor& bound = bound_tensor(parameters, i);
    if (bound.bytes == 0) continue;
    if (i < launch.inputs) {
      accesses.read(bound.address, bound.bytes);
    } else {
      accesses.write(bound.address, bound.bytes);
    }
  }
}

}  // namespace

const vgpu::ModuleImage& program_module_image() {
  static const vgpu::Kernel kernels[] = {
      {kProgramKernel, &run_block<&ProgramContext::run>, &declare_accesses},
      {kResultsKernel, &run_block<&ProgramContext::copy_results>, &declare_accesses}};
  static const vgpu::ModuleImage image{.kernels = kernels};
  return image;
}

LaunchParameters::LaunchParameters(ProgramContext& context, std::span<const TensorInfo> tensors, std::size_t inputs)
    : buffer_(sizeof(Header) + tensors.size() * sizeof(BoundTensor)) {
  const Header launch{&context, static_cast<std::uint32_t>(tensors.size()), static_cast<std::uint32_t>(inputs)};
  std::memcpy(buffer_.data(), &launch, sizeof(launch));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    new (&bound_tensor(buffer_.data(), i)) BoundTensor{0, 0, tensors[i].maximum};
  }
}

void LaunchParameters::set_dims(std::size_t tensor, const Dims& dims) {
  bound_tensor(buffer_.data(), tensor).dims = dims;
}

Dims LaunchParameters::dims(std::size_t tensor) const {
  return bound_tensor(buffer_.data(), tensor).dims;
}

void LaunchParameters::bind(std::size_t tensor, std::uint64_t address, std::size_t bytes) {
  BoundTensor& bound = bound_tensor(buffer_.data(), tensor);
  bound.address = address;
  bound.bytes = bytes;
}

std::uint64_t LaunchParameters::address(std::size_t tensor) const {
  return bound_tensor(buffer_.data(), tensor).address;
}

std::size_t LaunchParameters::bound_bytes(std::size_t tensor) const {
  return bound_tensor(buffer_.data(), tensor).bytes;
}

}  // namespace etrt::engine::program
