#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <engine/data_type.h>

namespace etrt::engine::tensorrt {

/// A shape tensor's values from the memory that an engine reads, and back. Profiles bound integers alone: other types
/// have no values to read, and are zeros in memory.
std::vector<std::int64_t> read_values(DataType type, std::span<const std::byte> memory);
std::vector<std::byte> values_in_memory(DataType type, std::span<const std::int64_t> values, std::size_t count);

}  // namespace etrt::engine::tensorrt
