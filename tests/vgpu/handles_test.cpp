#include <string>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

class Handles : public VgpuTest {
 protected:
  /// A pointer to memory that is no object of any driver.
  template <class Handle>
  Handle made_up() {
    return reinterpret_cast<Handle>(junk_);
  }

 private:
  alignas(16) char junk_[64] = {};
};

TEST(Table, HasEveryEntryPoint) {
  const VirtualGpu gpu;
#define ETRT_TEST_PRESENT(name, version) EXPECT_TRUE(gpu.driver().name) << #name;
  ETRT_CUDA_SYMBOLS(ETRT_TEST_PRESENT, ETRT_TEST_PRESENT)
#undef ETRT_TEST_PRESENT
}

TEST(Table, NothingWorksBeforeInit) {
  const VirtualGpu gpu;
  int count = 0;
  CUstream stream = nullptr;
  EXPECT_EQ(gpu.driver().cuDeviceGetCount(&count), CUDA_ERROR_NOT_INITIALIZED);
  EXPECT_EQ(gpu.driver().cuStreamCreate(&stream, 0), CUDA_ERROR_NOT_INITIALIZED);
}

TEST_F(Handles, MadeUpHandlesAreRefused) {
  CUfunction function = nullptr;
  CUgraph graph = nullptr;
  CUcontext context = nullptr;
  unsigned long long id = 0;
  EXPECT_EQ(synchronize(made_up<CUstream>()), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuStreamGetId(made_up<CUstream>(), &id), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuStreamDestroy(made_up<CUstream>()), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuEventQuery(made_up<CUevent>()), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuEventRecord(made_up<CUevent>(), nullptr), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuCtxSetCurrent(made_up<CUcontext>()), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(driver().cuCtxFromGreenCtx(&context, made_up<CUgreenCtx>()), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(driver().cuModuleGetFunction(&function, made_up<CUmodule>(), "x"), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuGraphDestroy(made_up<CUgraph>()), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver().cuGraphLaunch(made_up<CUgraphExec>(), nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver().cuStreamEndCapture(made_up<CUstream>(), &graph), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(Handles, DestroyedHandlesAreRefusedForGood) {
  const CUstream stream = make_stream();
  const CUevent event = make_event();
  EXPECT_EQ(driver().cuStreamDestroy(stream), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuEventDestroy(event), CUDA_SUCCESS);
  for (int i = 0; i < 100; ++i) {
    EXPECT_NE(make_stream(), stream);
    EXPECT_NE(make_event(), event);
  }
  EXPECT_EQ(synchronize(stream), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuEventQuery(event), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver().cuStreamDestroy(stream), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(Handles, AnImageThatIsNoneIsRefusedHoweverShort) {
  const std::string text = "VG";
  CUmodule module = nullptr;
  EXPECT_EQ(driver().cuModuleLoadData(&module, text.c_str()), CUDA_ERROR_INVALID_IMAGE);
  EXPECT_EQ(driver().cuModuleLoadData(&module, nullptr), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Handles, StreamsOfADestroyedPartitionCanOnlyBeDestroyed) {
  const CUgreenCtx partition = make_partition(2);
  const CUstream stream = make_stream_in(partition);
  EXPECT_EQ(driver().cuGreenCtxDestroy(partition), CUDA_SUCCESS);
  EXPECT_EQ(synchronize(stream), CUDA_ERROR_CONTEXT_IS_DESTROYED);
  EXPECT_EQ(driver().cuStreamDestroy(stream), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuGreenCtxDestroy(partition), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(Handles, AHostFunctionMayNotCallTheDriver) {
  struct Call {
    const cuda::Driver& driver;
    CUresult result = CUDA_SUCCESS;
  } call{driver()};
  const CUstream stream = make_stream();
  driver().cuLaunchHostFunc(
      stream,
      [](void* argument) {
        auto& made = *static_cast<Call*>(argument);
        made.result = made.driver.cuCtxSynchronize();
      },
      &call);
  EXPECT_EQ(synchronize(stream), CUDA_SUCCESS);
  EXPECT_EQ(call.result, CUDA_ERROR_NOT_PERMITTED);
}

TEST_F(Handles, LiveHandlesAreCounted) {
  const std::size_t before = gpu().live_handles();
  const CUstream stream = make_stream();
  const CUevent event = make_event();
  const CUgreenCtx partition = make_partition(2);
  EXPECT_EQ(gpu().live_handles(), before + 3);
  driver().cuStreamDestroy(stream);
  driver().cuEventDestroy(event);
  driver().cuGreenCtxDestroy(partition);
  EXPECT_EQ(gpu().live_handles(), before);
}

TEST_F(Handles, LiveAllocationsAreCounted) {
  const CUdeviceptr device = make_buffer();
  void* pinned = make_pinned();
  EXPECT_EQ(gpu().live_allocations(), 2u);
  driver().cuMemFree(device);
  driver().cuMemFreeHost(pinned);
  EXPECT_EQ(gpu().live_allocations(), 0u);
}

TEST_F(Handles, WhatGoesWithItsContextStillCountsAsLeaked) {
  make_buffer();
  make_event();
  const std::size_t handles = gpu().live_handles();
  EXPECT_EQ(driver().cuDevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(gpu().live_allocations(), 1u);
  EXPECT_EQ(gpu().live_handles(), handles);
}

}  // namespace
}  // namespace etrt::vgpu::test
