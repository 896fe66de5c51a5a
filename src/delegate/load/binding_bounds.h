#pragma once

#include <blob/blob.h>
#include <engine/tensor_info.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Narrows the engine's shape range by what the blob says of it. What the blob leaves open stays the engine's; how
/// large a data-dependent output may become is the blob's to say, whose program allocates it. `kInvalidData` where the
/// two contradict each other: another type, another rank (but for a number, which is a scalar to one side and [1] to
/// the other), extents or bounds outside of the engine's.
Status narrow(engine::TensorInfo& info, const blob::Binding& binding);

}  // namespace etrt::delegate
