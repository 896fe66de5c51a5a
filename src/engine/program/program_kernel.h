#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <engine/tensor_info.h>
#include <vgpu/kernel.h>

namespace etrt::engine::program {

class ProgramContext;

inline constexpr const char* kProgramKernel = "program";
inline constexpr const char* kResultsKernel = "program_results";

/// CUDA's limit for the parameters of a launch (cuLaunchKernel, since CUDA 12.1).
inline constexpr std::size_t kMaxParameterBytes = 32764;

/// The module of the virtual GPU with the kernel that runs a context's method, and the one that copies what it left of
/// data-dependent outputs to where they are bound.
const vgpu::ModuleImage& program_module_image();

/// The parameter buffer of a launch: the context, then each tensor's address, size and shape.
class LaunchParameters {
 public:
  LaunchParameters(ProgramContext& context, std::span<const TensorInfo> tensors, std::size_t inputs);

  void set_dims(std::size_t tensor, const Dims& dims);
  Dims dims(std::size_t tensor) const;
  void bind(std::size_t tensor, std::uint64_t address, std::size_t bytes);
  std::uint64_t address(std::size_t tensor) const;
  std::size_t bound_bytes(std::size_t tensor) const;

  std::span<const std::byte> bytes() const { return buffer_; }

 private:
  std::vector<std::byte> buffer_;
};

}  // namespace etrt::engine::program
