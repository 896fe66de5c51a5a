#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <delegate/call/arguments.h>
#include <delegate/load/io_plan.h>
#include <engine/execution_context.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// The shapes, values of shape tensors and addresses that one execution context is set to, argument by argument, so
/// that only what changes is set again.
/// Threads: as its slot. Context and plan must outlive it.
class Bindings {
 public:
  Bindings(engine::ExecutionContext& context, const IoPlan& plan);

  /// Whether the context is set to these shapes and values.
  bool is_set_to(std::span<const InputState> inputs) const;

  /// Sets them, and has the engine derive those of the outputs. On error the context is set to nothing.
  Status set_shapes(std::span<const InputState> inputs);

  /// Gives an argument its memory. False: it was bound there already.
  Result<bool> bind(std::size_t argument, std::uint64_t address, std::size_t bytes);

  /// Shape of an argument: an input's as asked, an output's as derived, or its bound where only the run will tell.
  const engine::Dims& dims(std::size_t argument) const { return dims_[argument]; }

  /// The host memory that a shape tensor is bound to; empty for other arguments.
  std::span<const std::byte> values(std::size_t argument) const { return values_[argument]; }

  /// 0: not bound.
  std::uint64_t address(std::size_t argument) const { return bound_[argument].address; }

  /// Another number after each change of an address.
  std::uint64_t version() const { return version_; }

  /// Forgets all, after a failure left in doubt what the context is set to.
  void invalidate();

 private:
  struct Bound {
    std::uint64_t address = 0;
    std::size_t bytes = 0;
    bool is_set = false;  ///< an empty tensor may well be bound to no address
  };

  Status resolve(std::span<const InputState> inputs);
  Status bind_values(std::size_t argument, std::size_t bytes);
  Status check_alias(std::size_t output) const;

  engine::ExecutionContext& context_;
  const IoPlan& plan_;
  std::vector<engine::Dims> dims_;
  std::vector<std::vector<std::byte>> values_;
  std::vector<Bound> bound_;
  std::uint64_t version_ = 0;
  bool shapes_valid_ = false;
};

}  // namespace etrt::delegate
