#pragma once

#include <executorch/runtime/backend/options.h>

#include <cli/commands.h>
#include <delegate/load/options.h>
#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::cli {

/// Room for every option of the delegate.
using BackendOptions = executorch::runtime::BackendOptions<16>;

/// The choices as ExecuTorch hands them to the delegate. A text that ExecuTorch would cut off is an error.
Result<BackendOptions> backend_options(const DelegateChoices& choices);

/// The delegate's options as it reads them itself, from the choices and from a program's compile specs. The error is
/// the one that loading the program would give.
Result<delegate::Options> delegate_options(const DelegateChoices& choices,
                                           const std::vector<pte::CompileSpec>& compile_specs);

/// The command line's name of one that is given; null when none is.
const char* first_given(const DelegateChoices& choices);

}  // namespace etrt::cli
