// What CUDA promises about primary contexts and the current one.
#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class Contexts : public ContextFixture {};
ETRT_ON_EVERY_PROVIDER(Contexts);

TEST_P(Contexts, AThreadStartsWithNone) {
  on_another_thread([&] { EXPECT_EQ(current(), nullptr); });
}

TEST_P(Contexts, TheCurrentOneIsAThreadsOwn) {
  on_another_thread([&] {
    EXPECT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    EXPECT_THAT(driver().cuCtxSetCurrent(nullptr), is_ok());
  });
  EXPECT_EQ(current(), primary());
}

TEST_P(Contexts, CallsThatNeedOneFailWithout) {
  on_another_thread([&] {
    CUstream stream = nullptr;
    CUevent event = nullptr;
    CUdeviceptr memory = 0;
    void* pinned = nullptr;
    CUdevice found = -1;
    EXPECT_THAT(driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    EXPECT_THAT(driver().cuEventCreate(&event, 0), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    EXPECT_THAT(driver().cuMemAlloc(&memory, 64), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    EXPECT_THAT(driver().cuMemHostAlloc(&pinned, 64, 0), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    EXPECT_THAT(driver().cuCtxGetDevice(&found), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    EXPECT_THAT(driver().cuCtxSynchronize(), fails_with(CUDA_ERROR_INVALID_CONTEXT));
  });
}

TEST_P(Contexts, WorkOnAStreamNeedsNone) {
  const auto out = create_pinned();
  const auto buffer = create_buffer();
  const auto event = create_event();
  const auto stream = create_stream();
  on_another_thread([&] {
    EXPECT_THAT(driver().cuMemsetD8Async(buffer.address(), 0, buffer.bytes(), stream.get()), is_ok());
    EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
    EXPECT_THAT(driver().cuMemcpyDtoHAsync(out.data(), buffer.address(), out.bytes(), stream.get()), is_ok());
    EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
    EXPECT_THAT(driver().cuStreamWaitEvent(stream.get(), event.get(), 0), is_ok());
    EXPECT_THAT(driver().cuStreamSynchronize(stream.get()), is_ok());
    EXPECT_THAT(driver().cuStreamQuery(stream.get()), is_ok());
    EXPECT_THAT(driver().cuEventQuery(event.get()), is_ok());
    EXPECT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
    EXPECT_EQ(current(), nullptr);
  });
  EXPECT_THAT(out.values(), Each(7u));
}

TEST_P(Contexts, FreeingAndDestroyingNeedsNone) {
  CUdeviceptr memory = 0;
  void* pinned = nullptr;
  CUstream stream = nullptr;
  CUevent event = nullptr;
  ASSERT_THAT(driver().cuMemAlloc(&memory, 4096), is_ok());
  ASSERT_THAT(driver().cuMemHostAlloc(&pinned, 4096, 0), is_ok());
  ASSERT_THAT(driver().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), is_ok());
  ASSERT_THAT(driver().cuEventCreate(&event, 0), is_ok());
  on_another_thread([&] {
    EXPECT_THAT(driver().cuMemFree(memory), is_ok());
    EXPECT_THAT(driver().cuMemFreeHost(pinned), is_ok());
    EXPECT_THAT(driver().cuStreamDestroy(stream), is_ok());
    EXPECT_THAT(driver().cuEventDestroy(event), is_ok());
  });
}

TEST_P(Contexts, PushingNoneIsAnInvalidValue) {
  EXPECT_THAT(driver().cuCtxPushCurrent(nullptr), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Contexts, TheSpecialStreamsNeedOne) {
  on_another_thread([&] {
    EXPECT_THAT(driver().cuStreamSynchronize(CU_STREAM_PER_THREAD), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    EXPECT_THAT(driver().cuStreamSynchronize(CU_STREAM_LEGACY), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    EXPECT_THAT(driver().cuStreamSynchronize(nullptr), fails_with(CUDA_ERROR_INVALID_CONTEXT));
  });
}

TEST_P(Contexts, TheCurrentOneTellsItsDevice) {
  CUdevice found = -1;
  ASSERT_THAT(driver().cuCtxGetDevice(&found), is_ok());
  EXPECT_EQ(found, device());
}

TEST_P(Contexts, ADeviceHasOnePrimaryContext) {
  CUcontext again = nullptr;
  ASSERT_THAT(driver().cuDevicePrimaryCtxRetain(&again, device()), is_ok());
  EXPECT_EQ(again, primary());
  EXPECT_THAT(driver().cuDevicePrimaryCtxRelease(device()), is_ok());
}

TEST_P(Contexts, APrimaryContextIsActiveWhileItIsRetained) {
  unsigned flags = 0;
  int active = 0;
  ASSERT_THAT(driver().cuDevicePrimaryCtxGetState(device(), &flags, &active), is_ok());
  EXPECT_EQ(active, 1);
}

TEST_P(Contexts, OneReleaseOfTwoKeepsAPrimaryContextUsable) {
  CUcontext again = nullptr;
  ASSERT_THAT(driver().cuDevicePrimaryCtxRetain(&again, device()), is_ok());
  ASSERT_THAT(driver().cuDevicePrimaryCtxRelease(device()), is_ok());
  const auto stream = create_stream();
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(Contexts, AnUnknownDeviceHasNone) {
  CUcontext context = nullptr;
  EXPECT_THAT(driver().cuDevicePrimaryCtxRetain(&context, 1000), fails_with(CUDA_ERROR_INVALID_DEVICE));
}

TEST_P(Contexts, PushedOnesArePoppedInReverse) {
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxPushCurrent(primary()), is_ok());
    ASSERT_THAT(driver().cuCtxPushCurrent(primary()), is_ok());
    CUcontext popped = nullptr;
    EXPECT_THAT(driver().cuCtxPopCurrent(&popped), is_ok());
    EXPECT_EQ(popped, primary());
    EXPECT_EQ(current(), primary());
    EXPECT_THAT(driver().cuCtxPopCurrent(&popped), is_ok());
    EXPECT_EQ(current(), nullptr);
  });
}

TEST_P(Contexts, PoppingNoneIsAnInvalidContext) {
  on_another_thread([&] {
    CUcontext popped = nullptr;
    EXPECT_THAT(driver().cuCtxPopCurrent(&popped), fails_with(CUDA_ERROR_INVALID_CONTEXT));
  });
}

TEST_P(Contexts, SettingOneReplacesTheTopOfTheStack) {
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    CUcontext popped = nullptr;
    EXPECT_THAT(driver().cuCtxPopCurrent(&popped), is_ok());
    EXPECT_EQ(current(), nullptr);
  });
}

TEST_P(Contexts, SettingNoneLeavesNoneCurrent) {
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    ASSERT_THAT(driver().cuCtxSetCurrent(nullptr), is_ok());
    EXPECT_EQ(current(), nullptr);
  });
}

TEST_P(Contexts, SynchronisingWaitsForEveryStream) {
  const auto first = create_stream();
  const auto second = create_stream();
  const auto first_event = create_event();
  const auto second_event = create_event();
  for (const auto& [stream, event] : {std::pair(&first, &first_event), std::pair(&second, &second_event)}) {
    ASSERT_THAT(kernels().spin(stream->get(), milliseconds(2)), is_ok());
    ASSERT_THAT(driver().cuEventRecord(event->get(), stream->get()), is_ok());
  }
  ASSERT_THAT(driver().cuCtxSynchronize(), is_ok());
  EXPECT_THAT(driver().cuEventQuery(first_event.get()), is_ok());
  EXPECT_THAT(driver().cuEventQuery(second_event.get()), is_ok());
}

// Before any context is retained, which ContextFixture does: on a GPU this runs in a process of its own.

class PrimaryContexts : public ::testing::TestWithParam<support::ProviderInfo> {};
ETRT_ON_EVERY_PROVIDER(PrimaryContexts);

TEST_P(PrimaryContexts, AreInactiveAfterTheLastRelease) {
  const auto provider = support::open_or_skip(GetParam());
  if (provider == nullptr) return;
  const auto& driver = provider->driver();
  const auto is_active = [&] {
    unsigned flags = 0;
    int active = -1;
    EXPECT_THAT(driver.cuDevicePrimaryCtxGetState(0, &flags, &active), is_ok());
    return active;
  };
  if (is_active() != 0) GTEST_SKIP() << "this process has used the primary context already: run this test alone";
  CUcontext context = nullptr;
  ASSERT_THAT(driver.cuDevicePrimaryCtxRetain(&context, 0), is_ok());
  EXPECT_EQ(is_active(), 1);
  ASSERT_THAT(driver.cuDevicePrimaryCtxRelease(0), is_ok());
  EXPECT_EQ(is_active(), 0);
}

}  // namespace
}  // namespace etrt::conformance
