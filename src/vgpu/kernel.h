#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <cuda.h>

namespace etrt::vgpu {

/// Collects what an operation reads and writes, for the order checker. Addresses are device or pinned addresses, as the
/// operation's parameters name them.
class AccessSink {
 public:
  virtual ~AccessSink() = default;
  virtual void read(std::uint64_t address, std::size_t bytes) = 0;
  virtual void write(std::uint64_t address, std::size_t bytes) = 0;
};

/// What one block of a running kernel knows of its launch.
/// Threads: used by the SM that runs the block, for the duration of the call.
class BlockContext {
 public:
  virtual ~BlockContext() = default;

  /// Where the kernel may touch the memory at `address` (a device address of the virtual GPU, or any host address).
  /// Device addresses themselves are not accessible from the host, exactly as on a GPU.
  virtual void* memory(std::uint64_t address) const = 0;

  virtual unsigned block_index() const = 0;  ///< x index in the grid
  virtual unsigned block_count() const = 0;  ///< number of blocks of the grid
  virtual unsigned sm_id() const = 0;        ///< CUDA's %smid: the SM, that is the core, the block runs on
};

/// A kernel of the virtual GPU: a C++ function with the parameters of a CUDA kernel, packed in order into one buffer,
/// each at its natural alignment (CUDA: CU_LAUNCH_PARAM_BUFFER_POINTER).
struct Kernel {
  const char* name;

  /// Runs one block. `parameters` is a copy made at launch; it lives until the kernel has run.
  void (*run)(const BlockContext& block, const std::byte* parameters);

  /// Declares the reads and writes of the whole grid; null declares none. Called at launch, on the launching
  /// thread, when the order checker is on; must not call the driver.
  void (*declare)(const std::byte* parameters, AccessSink& accesses) = nullptr;

  /// Size in bytes of each parameter, for launches by `kernelParams`; its alignment is taken to be the largest power of
  /// two that divides the size, at most 8. Launches by buffer need none.
  std::span<const std::size_t> parameter_sizes = {};
};

/// What `cuModuleLoadData` of the virtual GPU takes as an image; anything else is CUDA_ERROR_INVALID_IMAGE.
/// The image and its kernels must outlive the module.
struct ModuleImage {
  static constexpr char kMagic[8] = {'V', 'G', 'P', 'U', 'M', 'O', 'D', '1'};

  char magic[8] = {'V', 'G', 'P', 'U', 'M', 'O', 'D', '1'};
  std::span<const Kernel> kernels;
};

}  // namespace etrt::vgpu
