#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <etrt/export.h>
#include <etrt/result.h>

/// ExecuTorch program files (`.pte`) that run on `TensorRTBackend`: writing them without Python, and looking into any.
/// Link `etrt::pte` (libetrt_pte.so). It depends on neither ExecuTorch nor CUDA. Needs C++17.
/// Threads: every function here may be called from any thread at any time.
namespace etrt::pte {

/// Bytes that somebody else owns.
struct Bytes {
  const void* data = nullptr;
  std::size_t size = 0;

  Bytes() = default;
  Bytes(const void* data_in, std::size_t size_in) : data(data_in), size(size_in) {}
  Bytes(const std::vector<std::byte>& bytes) : data(bytes.data()), size(bytes.size()) {}
};

/// One thing that can run the method. Borrows its bytes until `write` returns.
struct Payload {
  /// "tensorrt" or "tensorrt_rtx": an engine for that library. "program": a complete `.pte`, which runs on the host:
  /// its method "forward", or the only one that it has. Empty: an engine whose library is not known, as
  /// pytorch/TensorRT writes it; such an engine must come first.
  std::string kind;
  /// Free text for whoever chooses between payloads: "sm_89", "host".
  std::string target;
  Bytes bytes;
};

/// Handed to the backend when it loads the program. `value` is any bytes.
struct CompileSpec {
  std::string key;
  std::string value;
};

enum class OutputMemory {
  kPlanned,  ///< ExecuTorch allocates the outputs once, at their upper bound, when it loads the method
  kCaller,   ///< the caller provides it with `set_output` before each run
};

struct WriteOptions {
  /// The engine's inputs and outputs, as JSON with the keys of the blob's metadata. May be empty when a payload is a
  /// program: then they are those of the first program, called input_0, ..., output_0, ...
  ///
  ///   {"io_bindings": [
  ///      {"name": "image", "dtype": "float32", "shape": [-1, 1, 8, 8], "is_input": true,
  ///       "min_shape": [1, 1, 8, 8], "max_shape": [64, 1, 8, 8], "dim_order": [0, 1, 2, 3]},
  ///      {"name": "logits", "dtype": "float32", "shape": [-1, 10], "is_input": false, "max_shape": [64, 10]}],
  ///    "aliased_io": [{"output": "k_out", "input": "k", "kind": "kv_cache_update"}],
  ///    "device_id": 0, "hardware_compatible": false, "target_platform": "linux_x86_64", "serialized_metadata": ""}
  ///
  /// `io_bindings` is required, and in it `name`, `dtype`, `shape` and `is_input`. The method takes the inputs and
  /// gives the outputs in this order.
  ///   dtype      float32 float16 bfloat16 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool
  ///              float8_e4m3fn float8_e5m2
  ///   shape      [] is a scalar; -1 is an extent known at run time only
  ///   max_shape  required when the shape has a -1: the runtime allocates and checks by it
  ///   min_shape  optional, inclusive like max_shape
  ///   dim_order  optional: the dimensions from the outermost in memory to the innermost
  ///   aliased_io optional: outputs that are an input updated in place; kind "kv_cache_update" or "user". The output
  ///              stays a value of its own in the program.
  /// Further keys are kept.
  std::string io;

  std::string method = "forward";

  /// Labels the inputs and outputs as CUDA memory of this device; then nothing copies them to or from the host.
  /// With `OutputMemory::kPlanned`, whoever loads the program needs ExecuTorch's DeviceAllocator for CUDA.
  bool cuda_io = false;
  std::int8_t cuda_device = 0;

  OutputMemory outputs = OutputMemory::kPlanned;
  std::vector<CompileSpec> compile_specs;
};

/// Writes a program with one method that is one call of the backend `TensorRTBackend`. `payloads` are in order of
/// preference: the backend takes the first that can run where it is loaded. The first engine goes to the place where
/// every reader of the format looks.
/// Every program among the payloads must have the inputs and outputs of `options.io`, up to its bounds.
/// `kInvalidArgument` for a payload, description or option that cannot be right, `kInvalidData` for a program that is
/// malformed, `kNotSupported` for one that cannot be nested (inputs that are no tensors, CUDA memory, unbounded
/// shapes, a `TensorRTBackend` of its own).
ETRT_API Result<std::vector<std::byte>> write(const std::vector<Payload>& payloads, const WriteOptions& options = {});

/// One delegate of a program file, as `inspect` lists them.
struct DelegateChoice {
  std::string method;                   ///< empty: any
  std::optional<std::size_t> delegate;  ///< its place in `MethodInfo::delegates`; none: any for `TensorRTBackend`
};

/// Adds payloads to a delegate of an existing program, whoever wrote it: an engine for another GPU, a host program.
/// They follow the payloads that are there already, in the order given. The rest of the program stays as it is:
/// methods, operators, constants, named data, labels, memory plans, compile specs.
///
/// `choice` names the delegate, as far as the file has several. Payloads are as for `write`, each with a kind. Every
/// program among them must have the inputs and outputs of the delegate's bindings. Where a binding does not say its
/// type and shape, the method's own tensor does.
///
/// `kInvalidArgument` for a payload that does not fit, and for a choice that fits several delegates or none;
/// `kInvalidData` for a malformed file or blob, `kNotSupported` for a program that cannot be nested or rewritten.
ETRT_API Result<std::vector<std::byte>> add_variants(Bytes pte, const std::vector<Payload>& payloads,
                                                     const DelegateChoice& choice = {});

enum class Dynamism { kStatic, kBounded, kUnbounded };
enum class Device { kCpu, kCuda, kOther };

struct TensorInfo {
  std::string dtype;                    ///< as in `WriteOptions::io`, or "scalar type N"
  std::vector<std::int32_t> sizes;      ///< the upper bound when the shape is bounded
  std::vector<std::uint8_t> dim_order;  ///< from the outermost dimension in memory to the innermost
  Dynamism dynamism = Dynamism::kStatic;
  bool planned = false;  ///< its memory comes from the program's plan
  Device device = Device::kCpu;
  std::int8_t device_index = 0;
};

struct ValueInfo {
  std::string kind;   ///< "Tensor", "Int", ...
  TensorInfo tensor;  ///< for kind "Tensor"
};

struct DelegateInfo {
  static constexpr std::int64_t kInline = -1;

  std::string id;                  ///< the backend's
  Bytes data;                      ///< inside of the bytes given to `inspect`
  std::uint64_t offset = 0;        ///< of `data` in the file
  std::int64_t segment = kInline;  ///< the segment that is `data`, or `kInline` when it is in the program part
  std::vector<CompileSpec> compile_specs;
  std::vector<ValueInfo> arguments;  ///< of the method's first call of it: inputs, then outputs
};

struct MethodInfo {
  std::string name;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  std::vector<DelegateInfo> delegates;
  std::vector<std::int64_t> planned_buffers;  ///< sizes in bytes
  std::size_t instructions = 0;
};

struct ProgramInfo {
  std::vector<MethodInfo> methods;
  std::uint64_t program_size = 0;  ///< of the part before the segments
  std::size_t segments = 0;
};

/// Looks into any program file, of whatever origin, without running anything of it. The result borrows `pte` where it
/// has `Bytes`. `kInvalidData` says what is wrong with the file.
ETRT_API Result<ProgramInfo> inspect(Bytes pte);

}  // namespace etrt::pte
