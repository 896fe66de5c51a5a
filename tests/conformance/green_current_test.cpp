// What CUDA promises while a green context is the current context.
#include <conformance/partitioning.h>

namespace etrt::conformance {
namespace {

class GreenCurrent : public PartitionFixture {};
ETRT_ON_EVERY_PROVIDER(GreenCurrent);

TEST_P(GreenCurrent, IsPushedAndPoppedLikeAnyContext) {
  const auto partition = create_partition();
  ASSERT_THAT(driver().cuCtxPushCurrent(partition.context), is_ok());
  EXPECT_EQ(current(), partition.context);
  CUcontext popped = nullptr;
  ASSERT_THAT(driver().cuCtxPopCurrent(&popped), is_ok());
  EXPECT_EQ(popped, partition.context);
  EXPECT_EQ(current(), primary());
}

TEST_P(GreenCurrent, IsReplacedByThePrimaryContextWhenThatIsSet) {
  const auto partition = create_partition();
  ASSERT_THAT(driver().cuCtxSetCurrent(partition.context), is_ok());
  EXPECT_EQ(current(), partition.context);
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
  EXPECT_EQ(current(), primary());
}

TEST_P(GreenCurrent, TellsItsDevice) {
  const auto partition = create_partition();
  const auto scope = enter(partition);
  CUdevice found = -1;
  ASSERT_THAT(driver().cuCtxGetDevice(&found), is_ok());
  EXPECT_EQ(found, device());
}

TEST_P(GreenCurrent, IsLeftAloneByAScopeForItsDevice) {
  const auto partition = create_partition();
  const auto outer = enter(partition);
  const auto inner = must(cuda::CurrentContext::ensure(driver(), device(), primary()));
  EXPECT_EQ(current(), partition.context);
}

TEST_P(GreenCurrent, RefusesThePerThreadStream) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto scope = enter(partition);
  EXPECT_THAT(kernels().fill_u32(CU_STREAM_PER_THREAD, buffer.address(), 7, buffer.count()),
              fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(GreenCurrent, RefusesQuestionsAboutThePerThreadStream) {
  const auto partition = create_partition();
  const auto scope = enter(partition);
  CUcontext context = nullptr;
  unsigned long long id = 0;
  auto status = CU_STREAM_CAPTURE_STATUS_NONE;
  EXPECT_THAT(driver().cuStreamGetCtx(CU_STREAM_PER_THREAD, &context), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(driver().cuStreamGetId(CU_STREAM_PER_THREAD, &id), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(driver().cuStreamIsCapturing(CU_STREAM_PER_THREAD, &status), fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(GreenCurrent, IsTheContextOfTheLegacyStream) {
  const auto partition = create_partition();
  const auto scope = enter(partition);
  CUcontext context = nullptr;
  ASSERT_THAT(driver().cuStreamGetCtx(CU_STREAM_LEGACY, &context), is_ok());
  EXPECT_EQ(context, partition.context);
  EXPECT_EQ(green_of(CU_STREAM_LEGACY), partition.green.get());
}

TEST_P(GreenCurrent, KeepsStreamsThatWereMadeBeforeWorking) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto outside = create_stream();
  const auto inside = create_stream_in(partition);
  {
    const auto scope = enter(partition);
    EXPECT_THAT(kernels().fill_u32(outside.get(), buffer.address(), 40, buffer.count()), is_ok());
    EXPECT_THAT(synchronize(outside), is_ok());
    EXPECT_THAT(kernels().add_u32(inside.get(), buffer.address(), 2, buffer.count()), is_ok());
    EXPECT_THAT(synchronize(inside), is_ok());
  }
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(GreenCurrent, ConfinesStreamsThatAreMadeNow) {
  const auto partition = create_partition();
  std::optional<cuda::Stream> stream;
  {
    const auto scope = enter(partition);
    stream.emplace(create_stream());
  }
  EXPECT_EQ(green_of(stream->get()), partition.green.get());
  EXPECT_LE(sms_used_on(stream->get()).size(), partition.sm_count);
}

TEST_P(GreenCurrent, AllocatesAndFreesMemory) {
  const auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  const auto scope = enter(partition);
  CUdeviceptr memory = 0;
  ASSERT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
  EXPECT_THAT(kernels().fill_u32(stream.get(), memory, 7, 1024), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(driver().cuMemFree(memory), is_ok());
}

TEST_P(GreenCurrent, AllocatesAndFreesMemoryInStreamOrder) {
  const auto partition = create_partition();
  const auto stream = create_stream_in(partition);
  const auto scope = enter(partition);
  CUdeviceptr memory = 0;
  ASSERT_THAT(driver().cuMemAllocAsync(&memory, 4096, stream.get()), is_ok());
  EXPECT_THAT(kernels().fill_u32(stream.get(), memory, 7, 1024), is_ok());
  EXPECT_THAT(driver().cuMemFreeAsync(memory, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(GreenCurrent, MemoryAllocatedInItOutlivesIt) {
  const auto stream = create_stream();
  std::optional<DeviceBuffer> buffer;
  {
    const auto partition = create_partition();
    const auto scope = enter(partition);
    buffer.emplace(create_buffer());
  }
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer->address(), 7, buffer->count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer->read(), Each(7u));
}

TEST_P(GreenCurrent, MemoryOfThePrimaryContextIsKnownInIt) {
  const auto partition = create_partition();
  const auto buffer = create_buffer();
  const auto scope = enter(partition);
  unsigned type = 0;
  EXPECT_THAT(driver().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, buffer.address()), is_ok());
  EXPECT_EQ(type, static_cast<unsigned>(CU_MEMORYTYPE_DEVICE));
}

TEST_P(GreenCurrent, LeavesThePrimaryContextUsableWhenItIsDestroyed) {
  { const auto partition = create_partition(); }
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(GreenCurrent, DestroyedWhileItIsCurrentItIsNoneForAScope) {
  const auto stream = create_stream();
  {
    auto partition = create_partition();
    ASSERT_THAT(driver().cuCtxSetCurrent(partition.context), is_ok());
  }
  {
    const auto scope = must(cuda::CurrentContext::ensure(driver(), device(), primary()));
    const auto buffer = create_buffer();
    EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
    EXPECT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(buffer.read(), Each(7u));
  }
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
}

TEST_P(GreenCurrent, DestroyedWhileItIsCurrentItStillTellsItsDeviceButGivesNoStreamAndNoMemory) {
  const auto buffer = create_buffer();
  {
    auto partition = create_partition();
    ASSERT_THAT(driver().cuCtxSetCurrent(partition.context), is_ok());
    CUcontext context = nullptr;
    EXPECT_THAT(driver().cuStreamGetCtx(CU_STREAM_LEGACY, &context), is_ok());
    EXPECT_EQ(context, partition.context);
  }
  CUdevice found = -1;
  EXPECT_THAT(driver().cuCtxGetDevice(&found), is_ok());
  EXPECT_EQ(found, device());
  CUcontext context = nullptr;
  CUdeviceptr memory = 0;
  EXPECT_THAT(driver().cuStreamGetCtx(CU_STREAM_LEGACY, &context), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
  EXPECT_THAT(driver().cuMemAlloc(&memory, 64), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
  EXPECT_THAT(driver().cuMemFree(buffer.address()), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
  EXPECT_THAT(driver().cuCtxSynchronize(), fails_with(CUDA_ERROR_CONTEXT_IS_DESTROYED));
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
}

TEST_P(GreenCurrent, AskingForTheContextOfItsLegacyStreamLeavesACaptureValid) {
  auto partition = create_partition();
  ASSERT_THAT(driver().cuCtxSetCurrent(partition.context), is_ok());
  CUstream stream = nullptr;
  ASSERT_THAT(driver().cuGreenCtxStreamCreate(&stream, partition.green.get(), CU_STREAM_NON_BLOCKING, 0), is_ok());
  ASSERT_THAT(driver().cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  CUcontext context = nullptr;
  EXPECT_THAT(driver().cuStreamGetCtx(CU_STREAM_LEGACY, &context), is_ok());
  CUgraph graph = nullptr;
  EXPECT_THAT(driver().cuStreamEndCapture(stream, &graph), is_ok());
  EXPECT_THAT(driver().cuGraphDestroy(graph), is_ok());
  EXPECT_THAT(driver().cuStreamDestroy(stream), is_ok());
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
}

}  // namespace
}  // namespace etrt::conformance
