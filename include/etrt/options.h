#pragma once

namespace etrt {

/// The id under which etrt registers with ExecuTorch; programs name it.
inline constexpr char kBackendId[] = "TensorRTBackend";

/// Options of the delegate, given by ExecuTorch's backend options when a module is loaded, or by compile specs in the
/// program. An option comes before a compile spec of the same key. Wrong types and values that do not parse are errors
/// that name the key, and so are unknown options; unknown compile specs, of newer exporters, are noted in the log and
/// passed over.
///
///   executorch::runtime::BackendOptions<2> options;
///   options.set_option(etrt::kOptionDevice, "virtual");
///   options.set_option(etrt::kOptionMaxInflight, 2);
///   executorch::runtime::LoadBackendOptionsMap map;
///   map.set_options(etrt::kBackendId, options.view());
///   module.load(map);

/// Which device runs the program: "auto" (default), "cuda:N", "virtual", "virtual:N"; see `Device::open`. "auto" is the
/// device that the program's blob names (`device_id`, as a rule 0): a GPU where there is a CUDA driver, else the
/// virtual GPU of that number.
inline constexpr char kOptionDevice[] = "device";

/// What "auto" does when the GPU runs none of the program's engines: "error" (default), or "virtual": the virtual GPU
/// runs the host program that comes with them, and a warning in the log holds the reasons. Without a GPU, and for a
/// program that holds no engine at all, the virtual GPU is taken either way.
inline constexpr char kOptionFallback[] = "fallback";

/// How many executions may be in flight at once, 1 to 64; default 4. Each costs an execution context.
inline constexpr char kOptionMaxInflight[] = "max_inflight";

/// Pins one optimization profile (TensorRT), 0 or above; default: the one that fits the shapes.
inline constexpr char kOptionOptimizationProfile[] = "optimization_profile";

/// Bytes of weights kept on the device, the rest is streamed from the host (TensorRT weight streaming): an int or
/// decimal digits; default: TensorRT's automatic budget.
inline constexpr char kOptionWeightStreamingBudget[] = "weight_streaming_budget";

/// Shapes that the program is run with once when it is loaded, on zeros, so that the first real call of a shape finds
/// everything in place: "1x1x8x8; 15x1x8x8" for two shapes of one input, "8x4, scalar" for two inputs.
inline constexpr char kOptionWarmUp[] = "warm_up";

// The next two are limits of a device, in bytes as decimal digits, for all programs of the process together. Whoever
// loads the first program there sets them, or leaves them open; another value later is an error that names both. They
// count as backend options alone.

/// The device memory that etrt itself may hold on the device: staging, scratch memory of execution contexts, memory of
/// graphs. Beyond it, calls wait for one another where they can, and fail with MemoryAllocationFailed where not.
/// Default: what the device has. Weights, and what programs plan on the device, do not count.
inline constexpr char kOptionDeviceMemoryLimit[] = "device_memory_limit";

/// Whether calls outside of captures are launched as CUDA graphs, which etrt captures itself: "off"; "on", for every
/// engine that can be captured; or "auto", the default: for engines whose enqueue is many launches, once a call comes
/// back with the same shapes, stream and addresses. Results and ordering are the same. An engine that cannot be
/// captured runs directly, and the log and `report()` say why.
inline constexpr char kOptionCudaGraph[] = "cuda_graph";

/// The pinned host memory that staging copies may hold. Beyond it a call waits on the host for the oldest copy; one
/// that needs more by itself fails with MemoryAllocationFailed. Default: 64 MiB, or what one call needs if that is
/// more.
inline constexpr char kOptionPinnedMemoryLimit[] = "pinned_memory_limit";

// The next four decide what code runs in this process. They count as backend options alone: as compile specs, which
// come with the program file, they are errors.

/// The TensorRT library to open; default: ETRT_TENSORRT_LIBRARY, then the loader's search, then Python wheels.
inline constexpr char kOptionTensorRtLibrary[] = "tensorrt_library";

/// The lean runtime of an older TensorRT, such as libnvinfer_lean.so.8: runs version-compatible plans of exactly its
/// version whose own lean runtime was left out (BuilderFlag kEXCLUDE_LEAN_RUNTIME). Plans of the library's version do
/// not need it. Default: ETRT_TENSORRT_LEAN_RUNTIME. See TensorRT's IRuntime::loadRuntime.
inline constexpr char kOptionLeanRuntimeLibrary[] = "lean_runtime_library";

/// Libraries of TensorRT plugins that the engine needs, loaded before it; several are separated by ':'.
inline constexpr char kOptionPluginLibraries[] = "plugin_libraries";

/// 1 lets an engine bring host code of its own, as version-compatible plans do, and lets TensorRT's lean runtime run
/// it: for files that are trusted as a program is. Default 0.
inline constexpr char kOptionAllowEngineCode[] = "allow_engine_code";

}  // namespace etrt
