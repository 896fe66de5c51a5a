#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

/// A second virtual GPU next to the fixture's.
class Instances : public VgpuTest {
 protected:
  Instances() : other_(checked_config()) {
    EXPECT_EQ(other().cuInit(0), CUDA_SUCCESS);
    EXPECT_EQ(other().cuDevicePrimaryCtxRetain(&context_, 0), CUDA_SUCCESS);
  }

  const cuda::Driver& other() const { return other_.driver(); }
  CUcontext other_context() const { return context_; }

 private:
  VirtualGpu other_;
  CUcontext context_ = nullptr;
};

TEST_F(Instances, EachHasACurrentContextOfItsOwn) {
  CUcontext current = primary();
  EXPECT_EQ(other().cuCtxGetCurrent(&current), CUDA_SUCCESS);
  EXPECT_EQ(current, nullptr);
  EXPECT_EQ(other().cuCtxSetCurrent(other_context()), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuCtxGetCurrent(&current), CUDA_SUCCESS);
  EXPECT_EQ(current, primary());
}

TEST_F(Instances, AnothersHandlesAreRefused) {
  EXPECT_EQ(other().cuCtxSetCurrent(primary()), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(other().cuCtxSetCurrent(other_context()), CUDA_SUCCESS);
  EXPECT_EQ(other().cuStreamSynchronize(make_stream()), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(other().cuEventQuery(make_event()), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(other().cuMemFree(make_buffer()), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Instances, StreamIdsAreUniqueAcrossThem) {
  EXPECT_EQ(other().cuCtxSetCurrent(other_context()), CUDA_SUCCESS);
  unsigned long long here = 0;
  unsigned long long there = 0;
  EXPECT_EQ(driver().cuStreamGetId(CU_STREAM_LEGACY, &here), CUDA_SUCCESS);
  EXPECT_EQ(other().cuStreamGetId(CU_STREAM_LEGACY, &there), CUDA_SUCCESS);
  EXPECT_NE(here, there);
}

TEST_F(Instances, ACaptureInOneLeavesTheOtherAlone) {
  EXPECT_EQ(other().cuCtxSetCurrent(other_context()), CUDA_SUCCESS);
  const CUstream stream = make_stream();
  EXPECT_EQ(driver().cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
  EXPECT_EQ(other().cuCtxSynchronize(), CUDA_SUCCESS);
  CUgraph graph = nullptr;
  EXPECT_EQ(driver().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
}

TEST_F(Instances, AResourceOfAnotherIsRefused) {
  CUdevResource theirs{};
  EXPECT_EQ(other().cuDeviceGetDevResource(0, &theirs, CU_DEV_RESOURCE_TYPE_SM), CUDA_SUCCESS);
  CUdevResourceDesc description = nullptr;
  EXPECT_EQ(driver().cuDevResourceGenerateDesc(&description, &theirs, 1), CUDA_ERROR_INVALID_VALUE);
}

}  // namespace
}  // namespace etrt::vgpu::test
