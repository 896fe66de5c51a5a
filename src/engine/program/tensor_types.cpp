#include <executorch/runtime/core/exec_aten/util/scalar_type_util.h>

#include <engine/program/tensor_types.h>

namespace etrt::engine {

using executorch::aten::ScalarType;

std::optional<DataType> from_executorch(ScalarType type) {
  switch (type) {
    case ScalarType::Float:
      return DataType::kFloat32;
    case ScalarType::Half:
      return DataType::kFloat16;
    case ScalarType::BFloat16:
      return DataType::kBFloat16;
    case ScalarType::Char:
      return DataType::kInt8;
    case ScalarType::Byte:
      return DataType::kUInt8;
    case ScalarType::Int:
      return DataType::kInt32;
    case ScalarType::Long:
      return DataType::kInt64;
    case ScalarType::Bool:
      return DataType::kBool;
    default:
      return std::nullopt;
  }
}

ScalarType to_executorch(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return ScalarType::Float;
    case DataType::kFloat16:
      return ScalarType::Half;
    case DataType::kBFloat16:
      return ScalarType::BFloat16;
    case DataType::kInt8:
      return ScalarType::Char;
    case DataType::kUInt8:
      return ScalarType::Byte;
    case DataType::kInt32:
      return ScalarType::Int;
    case DataType::kInt64:
      return ScalarType::Long;
    case DataType::kBool:
      return ScalarType::Bool;
  }
  return ScalarType::Undefined;
}

const char* executorch_name(ScalarType type) {
  return executorch::runtime::toString(type);
}

}  // namespace etrt::engine
