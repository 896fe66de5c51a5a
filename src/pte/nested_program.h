#pragma once

#include <string>
#include <vector>

#include <blob/blob.h>
#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::pte {

/// The method that runs when this program is nested, as bindings called input_0, ..., output_0, .... A bounded shape
/// says of no dimension whether it is the one that varies, so all do.
/// `kInvalidData` when the program is malformed, `kNotSupported` when it cannot be nested.
Result<std::vector<blob::Binding>> bindings_of_program(Bytes pte);

/// A tensor of a program as a binding. `kNotSupported` when its shape has no upper bound.
Result<blob::Binding> binding_of(const TensorInfo& tensor, std::string name, bool is_input);

/// Whether a program with the bindings `own` can stand behind `asked`: as many inputs and outputs, the same types,
/// ranks and dim orders, every shape that is asked for within its bounds. Where `asked` has no dim order, it takes the
/// program's. `kInvalidArgument` names the binding.
Status fit_program(const std::vector<blob::Binding>& own, std::vector<blob::Binding>& asked);

}  // namespace etrt::pte
