#pragma once

#include <cstdint>
#include <vector>

#include <base/element_type.h>
#include <blob/blob.h>
#include <etrt/result.h>

namespace etrt::pte {

/// One input or output as the program declares it.
struct TensorSpec {
  base::ElementType type;
  std::vector<std::int32_t> sizes;  ///< the upper bound
  std::vector<std::uint8_t> dim_order;
  bool dynamic = false;
  std::uint64_t nbytes = 0;  ///< at the upper bound
};

/// The method's signature, in the order of the bindings.
struct IoSpec {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

/// Turns bindings into tensors of a program. `kInvalidArgument` when a binding leaves open what a program has to say
/// (type, upper bound) or is larger than one can be.
Result<IoSpec> make_io_spec(const std::vector<blob::Binding>& bindings);

}  // namespace etrt::pte
