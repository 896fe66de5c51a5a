#pragma once

#include <string_view>
#include <vector>

#include <engine/dims.h>
#include <etrt/result.h>

namespace etrt::delegate {

class Handle;

/// One shape for each input.
using ShapeSet = std::vector<engine::Dims>;

/// Reads "1x1x8x8; 15x1x8x8": sets apart by ';', a set's inputs by ',', "scalar" for rank 0.
Result<std::vector<ShapeSet>> parse_shape_sets(std::string_view text);

/// Runs the program once for each set, on zeros in device memory, on a stream of its own, and waits. What engines load,
/// build and allocate when they first run a shape is then there. `kInvalidArgument` for a set that does not fit the
/// program, `kNotSupported` when the program takes shape tensors, for which zeros may mean nothing.
Status warm_up(Handle& handle, const std::vector<ShapeSet>& sets);

}  // namespace etrt::delegate
