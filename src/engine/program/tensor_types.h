#pragma once

#include <optional>

#include <executorch/runtime/core/exec_aten/exec_aten.h>

#include <engine/data_type.h>

namespace etrt::engine {

/// The engine's name for an ExecuTorch element type; nothing for a type that TensorRT does not have.
std::optional<DataType> from_executorch(executorch::aten::ScalarType type);

executorch::aten::ScalarType to_executorch(DataType type);

/// ExecuTorch's own name of any element type, for messages.
const char* executorch_name(executorch::aten::ScalarType type);

}  // namespace etrt::engine
