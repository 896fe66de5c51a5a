#include <executorch/runtime/core/exec_aten/util/scalar_type_util.h>

#include <engine/program/tensor_types.h>

namespace etrt::engine {

using executorch::aten::ScalarType;

std::optional<DataType> from_executorch(ScalarType type) {
  for (const DataType known : {DataType::kFloat32, DataType::kFloat16, DataType::kBFloat16, DataType::kInt8,
                               DataType::kUInt8, DataType::kInt32, DataType::kInt64, DataType::kBool}) {
    if (to_executorch(known) == type) return known;
  }
  return std::nullopt;
}

ScalarType to_executorch(DataType type) {
  return static_cast<ScalarType>(type);
}

const char* executorch_name(ScalarType type) {
  return executorch::runtime::toString(type);
}

}  // namespace etrt::engine
