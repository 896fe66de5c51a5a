#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <executorch/extension/memory_allocator/malloc_memory_allocator.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>

#include <engine/tensor_info.h>
#include <etrt/result.h>

namespace etrt::engine::program {

/// A tensor that a run reads or writes: host memory and the shape it holds.
struct HostTensor {
  void* data;
  std::size_t bytes;
  Dims dims;
};

/// One loaded method of a program with its own memory, able to run by itself. Kernels run on the calling thread alone:
/// ExecuTorch's shared thread pool would leave the SM partition the caller runs in.
/// Threads: one caller at a time. The program must outlive it.
class MethodInstance {
 public:
  static Result<std::unique_ptr<MethodInstance>> create(const executorch::runtime::Program& program,
                                                        const std::string& method);

  /// What the method takes and gives, inputs then outputs. Sizes of a dynamic tensor are upper bounds, down to 0.
  Result<std::vector<TensorInfo>> describe() const;

  /// Reads `inputs`, runs, and writes each output to its place; an output of another shape than asked is an error.
  /// Data-dependent ones stay in the instance's own memory, see `output`. `infos` are of all tensors.
  Status run(std::span<const TensorInfo> infos, std::span<const HostTensor> inputs,
             std::span<const HostTensor> outputs);

  /// What the last run left of an output, until the next one.
  Result<HostTensor> output(std::size_t index, const TensorInfo& info) const;

  /// Runs on zeros of the given input shapes and returns the shapes of the outputs.
  Result<std::vector<Dims>> probe_shapes(std::span<const TensorInfo> infos, std::span<const Dims> inputs);

 private:
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  using Memory = std::unique_ptr<std::uint8_t, Free>;

  MethodInstance() = default;

  /// Zeroed memory, which with the instance's own is within what the machine has. It takes pages only once they are
  /// touched: a small file may plan a lot that no run needs.
  Result<Memory> zeroed(std::size_t bytes) const;

  /// The same for the life of the instance.
  Result<executorch::runtime::Span<std::uint8_t>> allocate(std::size_t bytes);

  /// Memory at the upper bound for every output that the program leaves to its caller: ExecuTorch takes no smaller one
  /// for a smaller shape, and runs into a null pointer without.
  Status back_unplanned_outputs();
  Status set_input(std::size_t index, const TensorInfo& info, const HostTensor& tensor);
  Status execute();

  executorch::extension::MallocMemoryAllocator method_allocator_;
  executorch::extension::MallocMemoryAllocator temp_allocator_;
  std::vector<Memory> memory_;
  std::size_t allocated_ = 0;
  std::vector<executorch::runtime::Span<std::uint8_t>> planned_spans_;
  std::unique_ptr<executorch::runtime::HierarchicalAllocator> planned_memory_;
  std::unique_ptr<executorch::runtime::MemoryManager> memory_manager_;
  std::unique_ptr<executorch::runtime::Method> method_;
};

}  // namespace etrt::engine::program
