#pragma once

#include <cuda/device.h>
#include <delegate/call/arguments.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// Finds out where an argument's memory is. The driver is asked, in one call, unless ExecuTorch labels the tensor CUDA
/// and it is at `bound`, where the engine has it already: labels are never checked against pointers by ExecuTorch.
///
/// Errors: `kInvalidArgument` for memory of another device, and for host memory under a CUDA label.
Status place(const cuda::Device& device, const ArgumentPlan& plan, std::uint64_t bound, Argument& argument);

/// Checks that a shape tensor, which `plan` says the argument is, lies where the host can read it.
Status place_on_host(const cuda::Device& device, const ArgumentPlan& plan, Argument& argument);

}  // namespace etrt::delegate
