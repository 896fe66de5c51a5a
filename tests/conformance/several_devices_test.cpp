// What CUDA promises about two devices in one process. None has peer access to the other.
#include <conformance/capturing.h>
#include <cuda/current_context.h>

namespace etrt::conformance {
namespace {

constexpr CUdevice kOther = 1;

/// A test with device 0's context current, as in every suite, and the primary context of device 1 beside it.
class SeveralDevices : public CaptureFixture {
 protected:
  void SetUp() override {
    CaptureFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    int count = 0;
    ASSERT_THAT(driver().cuDeviceGetCount(&count), is_ok());
    if (count < 2) GTEST_SKIP() << "this machine has one device";
    ASSERT_THAT(driver().cuDevicePrimaryCtxRetain(&other_, kOther), is_ok());
  }

  void TearDown() override {
    if (other_ != nullptr) {
      EXPECT_THAT(driver().cuDevicePrimaryCtxRelease(kOther), is_ok());
    }
    CaptureFixture::TearDown();
  }

  CUcontext other() const { return other_; }

  /// What `body` gives with device 1's context current.
  template <class Body>
  auto there(Body body) const {
    const auto scope = must(cuda::CurrentContext::push(driver(), other_));
    return body();
  }

  cuda::Stream create_stream_there() const {
    return there([&] { return create_stream(); });
  }
  DeviceBuffer create_buffer_there() const {
    return there([&] { return create_buffer(); });
  }

  int ordinal_of(CUdeviceptr address) const {
    int ordinal = -1;
    EXPECT_THAT(driver().cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address), is_ok());
    return ordinal;
  }

 private:
  CUcontext other_ = nullptr;
};
ETRT_ON_EVERY_PROVIDER(SeveralDevices);

TEST_P(SeveralDevices, HaveContextsOfTheirOwn) {
  EXPECT_NE(other(), primary());
  CUdevice current_device = -1;
  EXPECT_THAT(there([&] { return driver().cuCtxGetDevice(&current_device); }), is_ok());
  EXPECT_EQ(current_device, kOther);
}

// Streams.

TEST_P(SeveralDevices, AStreamTellsItsOwnWhicheverIsCurrent) {
  const auto stream = create_stream_there();
  CUcontext context = nullptr;
  EXPECT_THAT(driver().cuStreamGetCtx(stream.get(), &context), is_ok());
  EXPECT_EQ(context, other());
  if (!driver().cuStreamGetDevice) GTEST_SKIP() << "this driver has no cuStreamGetDevice";
  CUdevice device = -1;
  EXPECT_THAT(driver().cuStreamGetDevice(stream.get(), &device), is_ok());
  EXPECT_EQ(device, kOther);
}

TEST_P(SeveralDevices, AStreamTakesWorkWhicheverIsCurrent) {
  const auto stream = create_stream();
  const auto buffer = create_buffer();
  ASSERT_THAT(there([&] { return kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()); }), is_ok());
  ASSERT_THAT(there([&] { return synchronize(stream); }), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(SeveralDevices, TheNullStreamIsTheCurrentOnes) {
  const auto event = create_event();
  EXPECT_THAT(there([&] { return driver().cuEventRecord(event.get(), nullptr); }),
              fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(there([&] { return driver().cuEventRecord(event.get(), CU_STREAM_PER_THREAD); }),
              fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(SeveralDevices, SynchronizingAContextWaitsForItsOwnDeviceOnly) {
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  EXPECT_THAT(there([&] { return driver().cuCtxSynchronize(); }), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
}

// Events.

TEST_P(SeveralDevices, AnEventIsRecordedOnItsOwnOnly) {
  const auto event = create_event();
  const auto here = create_stream();
  const auto stream = create_stream_there();
  EXPECT_THAT(driver().cuEventRecord(event.get(), stream.get()), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(there([&] { return driver().cuEventRecord(event.get(), here.get()); }), is_ok());
}

TEST_P(SeveralDevices, AnEventOrdersWorkOfOneBehindTheOther) {
  const auto event = create_event();
  const auto producer = create_stream();
  const auto consumer = create_stream_there();
  auto gate = close_gate(producer.get());
  ASSERT_THAT(driver().cuEventRecord(event.get(), producer.get()), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(consumer.get(), event.get(), 0), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(consumer.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  EXPECT_THAT(synchronize(consumer), is_ok());
  EXPECT_THAT(there([&] { return driver().cuEventQuery(event.get()); }), is_ok());
}

TEST_P(SeveralDevices, EventsOfTwoMeasureNoTime) {
  const auto start = create_event(CU_EVENT_DEFAULT);
  const auto end = there([&] { return create_event(CU_EVENT_DEFAULT); });
  const auto here = create_stream();
  const auto stream = create_stream_there();
  ASSERT_THAT(driver().cuEventRecord(start.get(), here.get()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(end.get(), stream.get()), is_ok());
  ASSERT_THAT(synchronize(here), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  float elapsed = 0;
  EXPECT_THAT(driver().cuEventElapsedTime(&elapsed, start.get(), end.get()), fails_with(CUDA_ERROR_INVALID_HANDLE));
}

// Memory.

TEST_P(SeveralDevices, MemoryTellsItsOwn) {
  const auto here = create_buffer();
  const auto buffer = create_buffer_there();
  EXPECT_EQ(ordinal_of(here.address()), device());
  EXPECT_EQ(ordinal_of(buffer.address()), kOther);
}

TEST_P(SeveralDevices, MemoryIsFreedWhicheverIsCurrent) {
  auto buffer = create_buffer_there();
  EXPECT_THAT(buffer.free(), is_ok());
}

TEST_P(SeveralDevices, StreamOrderedMemoryIsOfTheStreams) {
  const auto stream = create_stream_there();
  CUdeviceptr memory = 0;
  ASSERT_THAT(driver().cuMemAllocAsync(&memory, 4096, stream.get()), is_ok());
  EXPECT_EQ(ordinal_of(memory), kOther);
  EXPECT_THAT(driver().cuMemFreeAsync(memory, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(SeveralDevices, MemoryIsCopiedFromOneToTheOther) {
  auto here = create_buffer();
  here.write(std::vector<std::uint32_t>(here.count(), 7));
  auto buffer = create_buffer_there();
  for (const bool on_other : {false, true}) {
    const auto stream = on_other ? create_stream_there() : create_stream();
    buffer.write(std::vector<std::uint32_t>(buffer.count(), 0));
    ASSERT_THAT(driver().cuMemcpyAsync(buffer.address(), here.address(), here.bytes(), stream.get()), is_ok());
    ASSERT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(buffer.read(), Each(7u));
  }
}

TEST_P(SeveralDevices, PinnedMemoryIsOfBoth) {
  const auto pinned = there([&] { return create_pinned(); });
  const auto stream = create_stream();
  ASSERT_THAT(kernels().fill_u32(stream.get(), pinned.address(), 7, pinned.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(pinned.values(), Each(7u));
}

TEST_P(SeveralDevices, MemoryIsSetByStreamsOfItsOwnOnly) {
  const auto buffer = create_buffer_there();
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuMemsetD32Async(buffer.address(), 7, buffer.count(), stream.get()),
              fails_with(CUDA_ERROR_INVALID_VALUE));
  const auto own = create_stream_there();
  EXPECT_THAT(driver().cuMemsetD32Async(buffer.address(), 7, buffer.count(), own.get()), is_ok());
  EXPECT_THAT(synchronize(own), is_ok());
}

TEST_P(SeveralDevices, MemoryTakesHostDataByAStreamOfEither) {
  const auto buffer = create_buffer_there();
  const auto stream = create_stream();
  const std::vector<std::uint32_t> values(buffer.count(), 7);
  ASSERT_THAT(driver().cuMemcpyHtoDAsync(buffer.address(), values.data(), buffer.bytes(), stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(SeveralDevices, StreamOrderedMemoryIsGivenBackByAStreamOfEither) {
  const auto stream = create_stream();
  const auto other_stream = create_stream_there();
  CUdeviceptr memory = 0;
  ASSERT_THAT(driver().cuMemAllocAsync(&memory, 4096, other_stream.get()), is_ok());
  ASSERT_THAT(synchronize(other_stream), is_ok());
  EXPECT_THAT(driver().cuMemFreeAsync(memory, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

// Kernels and graphs.

TEST_P(SeveralDevices, AKernelRunsOnItsModulesOnly) {
  const auto pinned = create_pinned();
  const auto stream = create_stream_there();
  EXPECT_THAT(kernels().fill_u32(stream.get(), pinned.address(), 7, pinned.count()),
              fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(SeveralDevices, ACaptureMayForkToTheOther) {
  const auto origin = create_stream();
  const auto event = create_event();
  const auto stream = create_stream_there();
  ASSERT_THAT(begin(origin), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), origin.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(stream.get(), event.get(), 0), is_ok());
  EXPECT_EQ(status(stream.get()), CU_STREAM_CAPTURE_STATUS_ACTIVE);
  static_cast<void>(abandon(origin));
}

TEST_P(SeveralDevices, AGraphIsLaunchedOnAStreamOfEither) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  const auto exec = capture(
      stream, [&] { ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok()); });
  const auto launcher = create_stream_there();
  const auto held = create_event();
  auto gate = close_gate(stream.get());
  ASSERT_THAT(driver().cuEventRecord(held.get(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(launcher.get(), held.get(), 0), is_ok());
  ASSERT_THAT(launch(exec, launcher), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(launcher.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(synchronize(launcher), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

// Partitions.

TEST_P(SeveralDevices, APartitionIsMadeOfItsOwnSms) {
  if (!partitions_supported()) return;
  CUdevResource sms{};
  CUdevResource others{};
  ASSERT_THAT(driver().cuDeviceGetDevResource(device(), &sms, CU_DEV_RESOURCE_TYPE_SM), is_ok());
  ASSERT_THAT(driver().cuDeviceGetDevResource(kOther, &others, CU_DEV_RESOURCE_TYPE_SM), is_ok());
  CUdevResourceDesc description = nullptr;
  ASSERT_THAT(driver().cuDevResourceGenerateDesc(&description, &sms, 1), is_ok());
  CUgreenCtx green = nullptr;
  EXPECT_THAT(driver().cuGreenCtxCreate(&green, description, kOther, CU_GREEN_CTX_DEFAULT_STREAM),
              fails_with(CUDA_ERROR_INVALID_DEVICE));
  CUdevResource both[] = {sms, others};
  EXPECT_THAT(driver().cuDevResourceGenerateDesc(&description, both, 2),
              fails_with(CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION));
}

}  // namespace
}  // namespace etrt::conformance
