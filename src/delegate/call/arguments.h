#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include <executorch/runtime/core/evalue.h>
#include <executorch/runtime/core/exec_aten/exec_aten.h>
#include <executorch/runtime/core/span.h>

#include <delegate/load/io_plan.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Where an argument's memory is, and how the engine reaches it.
enum class Placement : std::uint8_t {
  kEmpty,         ///< no bytes, on the device or nowhere
  kHostEmpty,     ///< no bytes, on the host
  kDevice,        ///< device memory of the program's device: bound as it is
  kDeviceStaged,  ///< the same, which the engine cannot use in place: copied on the device
  kHostPageable,  ///< staged through pinned memory
  kHostPinned,    ///< copied to and from directly where the call waits for the copy
  kHostValues,    ///< a shape tensor, whose values the engine reads or writes on the host
};

/// One argument of a call, checked against its plan.
struct Argument {
  explicit Argument(executorch::aten::Tensor checked) : tensor(checked) {}

  std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(data); }

  executorch::aten::Tensor tensor;
  engine::Dims dims;  ///< the engine's: a scalar may be [1] where the tensor has rank 0, and the reverse
  std::size_t bytes = 0;
  void* data = nullptr;
  bool labelled_cuda = false;
  std::uint64_t engine_address = 0;  ///< where the engine finds it in this call
  Placement placement = Placement::kEmpty;
};

using Arguments = std::pmr::vector<Argument>;

/// Reads and checks the arguments of execute(): number, kind, element type, rank, memory layout and, for inputs, shape.
/// Outputs have the size of their last run or their upper bound; `resize_output` gives them the engine's answer.
Status read_arguments(const IoPlan& plan, executorch::runtime::Span<executorch::runtime::EValue*> values,
                      Arguments& arguments);

/// What the engine's shapes depend on: an input's shape, and for a shape tensor its values.
struct InputState {
  engine::Dims dims;
  std::span<const std::byte> values;
};

/// Resizes an output to the shape the engine gives it, and reads its memory.
Status resize_output(const ArgumentPlan& plan, Argument& argument, const engine::Dims& dims);

}  // namespace etrt::delegate
