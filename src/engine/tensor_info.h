#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <engine/data_type.h>
#include <engine/dims.h>

namespace etrt::engine {

/// Where an engine reads or writes a tensor. TensorRT wants shape tensors on the host (TensorLocation::kHOST).
enum class Location : std::uint8_t { kDevice, kHost };

/// One input or output ("binding") of an engine.
struct TensorInfo {
  std::string name;
  DataType type = DataType::kFloat32;
  bool is_input = true;
  Location location = Location::kDevice;

  /// Smallest and largest shape over all optimization profiles; equal for a static shape. For an output, the largest
  /// is an upper bound for allocation, or INT32_MAX in sizes that the engine cannot bound.
  Dims minimum;
  Dims maximum;

  /// Order of dimensions in memory, outermost first (ExecuTorch's dim_order); empty means contiguous. TensorRT binds
  /// linear memory only.
  std::vector<std::uint8_t> dim_order = {};

  /// An output whose shape is known only once the engine has run (TensorRT: IOutputAllocator).
  bool data_dependent = false;

  /// What a bound device address must be a multiple of, in bytes (TensorRT: 256, see setTensorAddress).
  std::size_t address_alignment = 1;

  /// For an output: index of the input whose memory it must share (TensorRT: ICudaEngine::getAliasedInputTensor).
  std::optional<std::size_t> aliased_input = std::nullopt;

  bool is_dynamic() const { return !(minimum == maximum); }
};

}  // namespace etrt::engine
