#pragma once

#include <cstddef>

#include <cuda/owner.h>
#include <cuda/refs.h>
#include <etrt/result.h>

namespace etrt::cuda {

// Owners of the driver's handles. Each `create_` makes the call and maps its failure; a context must be current unless
// said otherwise.

using Stream = Owner<CUstream, &Driver::cuStreamDestroy>;
using Event = Owner<CUevent, &Driver::cuEventDestroy>;
using DeviceMemory = Owner<CUdeviceptr, &Driver::cuMemFree>;
using PinnedMemory = Owner<void*, &Driver::cuMemFreeHost>;
using Graph = Owner<CUgraph, &Driver::cuGraphDestroy>;
using GraphExec = Owner<CUgraphExec, &Driver::cuGraphExecDestroy>;
using Module = Owner<CUmodule, &Driver::cuModuleUnload>;
using GreenContext = Owner<CUgreenCtx, &Driver::cuGreenCtxDestroy>;
/// Holds one reference to a device's primary context.
using PrimaryContextReference = Owner<CUdevice, &Driver::cuDevicePrimaryCtxRelease>;

Result<Stream> create_stream(const Driver& driver, unsigned flags = CU_STREAM_NON_BLOCKING);
Result<Event> create_event(const Driver& driver, unsigned flags = CU_EVENT_DISABLE_TIMING);
Result<DeviceMemory> create_device_memory(const Driver& driver, std::size_t bytes);
Result<PinnedMemory> create_pinned_memory(const Driver& driver, std::size_t bytes);
Result<GraphExec> create_graph_exec(const Driver& driver, const Graph& graph);
Result<Module> load_module(const Driver& driver, const void* image);

/// A stream confined to the green context's SMs (CUDA: cuGreenCtxStreamCreate). No context needs to be current.
Result<Stream> create_green_stream(const Driver& driver, CUgreenCtx context);

}  // namespace etrt::cuda
