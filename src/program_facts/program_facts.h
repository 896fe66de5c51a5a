// What an ExecuTorch program file says of itself before anything of it is loaded: enough to tell how it can be run
// again and again on streams. Read by flatbuffers alone, whose headers do not go with ExecuTorch's.

#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <etrt/result.h>

namespace etrt::program_facts {

/// One method of a program. Every list is in the order of first use, each name once.
struct MethodFacts {
  std::string name;

  /// Operators that its instructions call, as ExecuTorch names them: "aten::add.out", "aten::copy_".
  std::vector<std::string> operators;

  /// Backends that it delegates to: "XnnpackBackend".
  std::vector<std::string> backends;

  /// Keys of tensors whose contents are in a file beside the program (.ptd).
  std::vector<std::string> external_data;

  /// Whether a call may see what an earlier one left: planned memory is read before it is written (mutable buffers,
  /// KV caches inside of the program), or a constant is written. True where that cannot be told.
  bool keeps_state = false;

  /// Operators and backends because of which shapes of outputs may depend on the values of inputs, unknown ones
  /// included. Empty: shapes follow from the shapes of inputs alone.
  std::vector<std::string> data_dependent;

  /// Operators that come with ExecuTorch's library of quantized kernels alone (`quantized_decomposed::`).
  std::vector<std::string> quantized_operators() const;
};

struct ProgramFacts {
  std::vector<MethodFacts> methods;

  /// The method of this name, or null.
  const MethodFacts* find(std::string_view name) const;

  /// The method that runs when the program is nested: "forward", or the only one; or null.
  const MethodFacts* entry() const;
};

/// The facts of a whole program file, which may lie at any address and is read during the call alone.
/// `kInvalidData` when it is truncated or contradicts itself; nothing in it is believed unchecked.
/// Threads: safe.
Result<ProgramFacts> read(std::span<const std::byte> program);

}  // namespace etrt::program_facts
