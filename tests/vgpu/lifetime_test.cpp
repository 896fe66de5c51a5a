#include <atomic>
#include <future>
#include <thread>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

Config small_config() {
  Config config;
  config.sm_count = 2;
  config.memory_bytes = std::size_t{16} << 20;
  return config;
}

void CUDA_CB count_up(void* counter) {
  ++*static_cast<std::atomic<int>*>(counter);
}

TEST(Lifetime, TheDestructorWaitsForAllWork) {
  std::atomic<int> ran{0};
  {
    VirtualGpu gpu(small_config());
    make_current(gpu.driver());
    for (int i = 0; i < 4; ++i) {
      CUstream stream = nullptr;
      EXPECT_EQ(gpu.driver().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
      for (int j = 0; j < 25; ++j) EXPECT_EQ(gpu.driver().cuLaunchHostFunc(stream, count_up, &ran), CUDA_SUCCESS);
      if (i % 2 == 1) continue;
      EXPECT_EQ(gpu.driver().cuStreamDestroy(stream), CUDA_SUCCESS);
    }
  }
  EXPECT_EQ(ran, 100);
}

TEST(Lifetime, ADestroyedStreamsWorkCompletes) {
  std::atomic<int> ran{0};
  VirtualGpu gpu(small_config());
  make_current(gpu.driver());
  CUstream stream = nullptr;
  EXPECT_EQ(gpu.driver().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
  HostGate gate(gpu.driver(), stream);
  EXPECT_EQ(gpu.driver().cuLaunchHostFunc(stream, count_up, &ran), CUDA_SUCCESS);
  CUevent event = nullptr;
  EXPECT_EQ(gpu.driver().cuEventCreate(&event, 0), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuEventRecord(event, stream), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuStreamDestroy(stream), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuEventQuery(event), CUDA_ERROR_NOT_READY);
  gate.open();
  EXPECT_EQ(gpu.driver().cuEventSynchronize(event), CUDA_SUCCESS);
  EXPECT_EQ(ran, 1);
}

TEST(Lifetime, AThreadsDefaultStreamOutlivesItsThread) {
  std::atomic<int> ran{0};
  VirtualGpu gpu(small_config());
  const CUcontext context = make_current(gpu.driver());
  for (int i = 0; i < 8; ++i) {
    std::thread([&] {
      EXPECT_EQ(gpu.driver().cuCtxSetCurrent(context), CUDA_SUCCESS);
      EXPECT_EQ(gpu.driver().cuLaunchHostFunc(CU_STREAM_PER_THREAD, count_up, &ran), CUDA_SUCCESS);
    }).join();
  }
  EXPECT_EQ(gpu.driver().cuCtxSynchronize(), CUDA_SUCCESS);
  EXPECT_EQ(ran, 8);
}

TEST(Lifetime, AThreadMayOutliveTheVirtualGpuItCalled) {
  std::promise<void> called, gone;
  auto machine = std::make_unique<VirtualGpu>(small_config());
  std::thread caller([&] {
    make_current(machine->driver());
    EXPECT_EQ(machine->driver().cuStreamSynchronize(CU_STREAM_PER_THREAD), CUDA_SUCCESS);
    called.set_value();
    gone.get_future().wait();
    const VirtualGpu next(small_config());
    EXPECT_EQ(next.driver().cuInit(0), CUDA_SUCCESS);
    CUcontext current = nullptr;
    EXPECT_EQ(next.driver().cuCtxGetCurrent(&current), CUDA_SUCCESS);
    EXPECT_EQ(current, nullptr);
  });
  called.get_future().wait();
  machine.reset();
  gone.set_value();
  caller.join();
}

TEST(Lifetime, AnExecutableGraphMayBeDestroyedInFlight) {
  std::atomic<int> ran{0};
  VirtualGpu gpu(small_config());
  make_current(gpu.driver());
  CUstream stream = nullptr;
  EXPECT_EQ(gpu.driver().cuStreamCreate(&stream, 0), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuLaunchHostFunc(stream, count_up, &ran), CUDA_SUCCESS);
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  EXPECT_EQ(gpu.driver().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
  HostGate gate(gpu.driver(), stream);
  EXPECT_EQ(gpu.driver().cuGraphLaunch(exec, stream), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuGraphExecDestroy(exec), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuGraphDestroy(graph), CUDA_SUCCESS);
  gate.open();
  EXPECT_EQ(gpu.driver().cuStreamSynchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(ran, 1);
}

TEST(Lifetime, ADestroyedPartitionsWorkCompletes) {
  std::atomic<int> ran{0};
  VirtualGpu gpu(small_config());
  make_current(gpu.driver());
  CUdevResource all{};
  CUdevResourceDesc description = nullptr;
  CUgreenCtx partition = nullptr;
  CUstream stream = nullptr;
  EXPECT_EQ(gpu.driver().cuDeviceGetDevResource(0, &all, CU_DEV_RESOURCE_TYPE_SM), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuDevResourceGenerateDesc(&description, &all, 1), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuGreenCtxCreate(&partition, description, 0, CU_GREEN_CTX_DEFAULT_STREAM), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuGreenCtxStreamCreate(&stream, partition, CU_STREAM_NON_BLOCKING, 0), CUDA_SUCCESS);
  HostGate gate(gpu.driver(), stream);
  EXPECT_EQ(gpu.driver().cuLaunchHostFunc(stream, count_up, &ran), CUDA_SUCCESS);
  CUevent event = nullptr;
  EXPECT_EQ(gpu.driver().cuEventCreate(&event, 0), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuEventRecord(event, stream), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuGreenCtxDestroy(partition), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuStreamDestroy(stream), CUDA_SUCCESS);
  EXPECT_EQ(gpu.driver().cuEventQuery(event), CUDA_ERROR_NOT_READY);
  gate.open();
  EXPECT_EQ(gpu.driver().cuEventSynchronize(event), CUDA_SUCCESS);
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace etrt::vgpu::test
