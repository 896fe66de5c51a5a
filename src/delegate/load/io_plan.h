#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include <blob/blob.h>
#include <engine/engine.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// One argument of execute(): which tensor of the engine it is, and what it may look like.
struct ArgumentPlan {
  std::size_t tensor;                        ///< index in Engine::tensors()
  engine::TensorInfo info;                   ///< the engine's, with the blob's shape bounds where it has them
  std::optional<std::size_t> aliased_input;  ///< for an output: the argument whose memory it shares
  bool is_alias_target = false;              ///< for an input: an output updates it in place

  /// A shape tensor: the engine reads or writes its values on the host.
  bool on_host() const { return info.location == engine::Location::kHost; }
};

/// How ExecuTorch's arguments (inputs, then outputs, in the blob's binding order, or in the engine's where the blob
/// lists no bindings) map to the engine's tensors.
struct IoPlan {
  std::vector<ArgumentPlan> arguments;
  std::size_t input_count = 0;
  bool has_host_tensors = false;
  bool has_data_dependent_outputs = false;
  bool synchronous = false;  ///< the engine's enqueue waits for its work
  bool keeps_state = false;  ///< the engine changes from call to call

  /// TensorRT engines are matched by name, host programs by position: exporters name a program's tensors differently.
  /// Errors name the binding and what the engine has instead.
  static Result<IoPlan> create(const blob::Metadata& metadata, const engine::Engine& engine, bool match_by_name);

 private:
  Status add_aliases(const blob::Metadata& metadata, std::span<const blob::Binding> bindings,
                     const engine::Engine& engine);
};

}  // namespace etrt::delegate
