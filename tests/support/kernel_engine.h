#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <engine/loader.h>

namespace etrt::support {

/// What a kernel engine computes: output k is input `of` plus `add`, element by element, for 4-byte elements. Inputs on
/// the host are shape tensors: the sum of their values is added too, and a data-dependent output has as many rows as
/// the first value of the first of them says. An output on the host is the shape of input `of`.
/// Each output is a layer that takes a quarter of a millisecond, it says.
/// One engine with one face on every provider, so that the delegate's tests run on the virtual GPU and on a GPU alike.
struct KernelPlan {
  struct Input {
    std::string name;
    std::vector<std::int32_t> minimum;
    std::vector<std::int32_t> maximum;
    bool on_host = false;
  };
  struct Output {
    std::string name;
    std::size_t of;
    std::uint32_t add;
    bool on_host = false;
    bool data_dependent = false;
    bool aliased = false;      ///< shares the memory of input `of`
    bool records_sms = false;  ///< each element is a block of its own, which writes the SM that ran it
  };

  std::vector<Input> inputs;
  std::vector<Output> outputs;
  /// The caller gives the context its memory, four bytes for each element of the first output (TensorRT:
  /// kUSER_MANAGED).
  bool caller_gives_memory = false;
  /// Outputs are computed on so many streams beside the caller's, forked from it and joined to it (TensorRT: auxiliary
  /// streams).
  int auxiliary_streams = 0;
  /// The context records the event that marks when its inputs are read: once they are copied to the memory that the
  /// caller gave.
  bool tells_inputs_consumed = false;
  bool gains_by_graphs = false;  ///< so the engine says
  /// What addresses of tensors must be a multiple of (TensorRT: 256).
  std::size_t address_alignment = 1;
  bool fails_to_load = false;
  bool fails_to_make_contexts = false;

  /// The engine's bytes.
  std::vector<std::byte> serialize() const;

  /// `count` inputs and outputs of fixed shape; output k adds k + 1.
  static KernelPlan fixed(std::size_t count, std::vector<std::int32_t> shape);
  /// One input and one output whose first dimension goes from `minimum` to `maximum`.
  static KernelPlan dynamic(std::int32_t minimum, std::int32_t maximum);
};

inline constexpr const char* kKernelEngineKind = "kernel";

/// Makes blobs with variants of kind "kernel" loadable in this process.
void add_kernel_engine_loader();

/// How many kernel engines were loaded, are alive, and how many contexts are alive, in this process.
struct KernelEngineCounts {
  int engines_loaded;
  int engines_alive;
  int contexts_alive;
  std::uint64_t binds;     ///< calls of ExecutionContext::bind
  std::uint64_t resolves;  ///< of ExecutionContext::resolve_shapes
};
KernelEngineCounts kernel_engine_counts();

}  // namespace etrt::support
