#pragma once

#include <executorch/runtime/backend/options.h>

#include <cli/commands.h>
#include <engine/engine.h>
#include <etrt/result.h>

namespace etrt::cli {

/// As many options as the delegate has.
using BackendOptions = executorch::runtime::BackendOptions<10>;

/// The choices as ExecuTorch hands them to the delegate. A text that ExecuTorch would cut off is an error.
Result<BackendOptions> backend_options(const DelegateChoices& choices);

/// Those that decide which payload of a program runs.
engine::EngineOptions engine_options(const DelegateChoices& choices);

/// The command line's name of one that is given; null when none is.
const char* first_given(const DelegateChoices& choices);

}  // namespace etrt::cli
