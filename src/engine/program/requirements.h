#pragma once

#include <etrt/result.h>
#include <program_facts/program_facts.h>

namespace etrt::engine::program {

/// Whether this process has all that a method needs before it can be loaded: kernels of its operators, backends, the
/// contents of its tensors. The error names what is missing. ExecuTorch's library of quantized kernels is opened where
/// one of its operators is called and nobody has brought it.
/// Threads: safe.
Status check_requirements(const program_facts::MethodFacts& method);

}  // namespace etrt::engine::program
