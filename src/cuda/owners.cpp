#include <base/try.h>
#include <cuda/error.h>
#include <cuda/owners.h>

namespace etrt::cuda {

Result<Stream> create_stream(const Driver& driver, unsigned flags) {
  CUstream handle = nullptr;
  ETRT_TRY(check(driver, driver.cuStreamCreate(&handle, flags), "cuStreamCreate"));
  return Stream(driver, handle);
}

Result<Event> create_event(const Driver& driver, unsigned flags) {
  CUevent handle = nullptr;
  ETRT_TRY(check(driver, driver.cuEventCreate(&handle, flags), "cuEventCreate"));
  return Event(driver, handle);
}

Result<DeviceMemory> create_device_memory(const Driver& driver, std::size_t bytes) {
  CUdeviceptr address = 0;
  ETRT_TRY(check(driver, driver.cuMemAlloc(&address, bytes), "cuMemAlloc"));
  return DeviceMemory(driver, address);
}

Result<PinnedMemory> create_pinned_memory(const Driver& driver, std::size_t bytes) {
  void* address = nullptr;
  ETRT_TRY(check(driver, driver.cuMemHostAlloc(&address, bytes, 0), "cuMemHostAlloc"));
  return PinnedMemory(driver, address);
}

Result<GraphExec> create_graph_exec(const Driver& driver, const Graph& graph) {
  CUgraphExec handle = nullptr;
  ETRT_TRY(check(driver, driver.cuGraphInstantiateWithFlags(&handle, graph.get(), 0), "cuGraphInstantiateWithFlags"));
  return GraphExec(driver, handle);
}

Result<Module> load_module(const Driver& driver, const void* image) {
  CUmodule handle = nullptr;
  ETRT_TRY(check(driver, driver.cuModuleLoadData(&handle, image), "cuModuleLoadData"));
  return Module(driver, handle);
}

Result<Stream> create_green_stream(const Driver& driver, CUgreenCtx context) {
  CUstream handle = nullptr;
  ETRT_TRY(check(driver, driver.cuGreenCtxStreamCreate(&handle, context, CU_STREAM_NON_BLOCKING, 0),
                 "cuGreenCtxStreamCreate"));
  return Stream(driver, handle);
}

}  // namespace etrt::cuda
