// What CUDA promises about modules and kernel launches.
#include <array>
#include <cstring>

#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class Kernels : public ContextFixture {
 protected:
  CUresult launch_fill(CUstream stream, unsigned blocks, unsigned threads, void** parameters, void** extra) const {
    return driver().cuLaunchKernel(kernels().fill_function(), blocks, 1, 1, threads, 1, 1, 0, stream, parameters,
                                   extra);
  }
};
ETRT_ON_EVERY_PROVIDER(Kernels);

constexpr unsigned kThreads = support::kBlockThreads;

/// The parameters of fill_u32 in one buffer, as CUDA lays them out.
struct FillParameters {
  CUdeviceptr data;
  std::uint32_t value;
  std::uint32_t count;
};

TEST_P(Kernels, RunOnEveryElementOfTheirGrid) {
  for (const std::uint32_t count : {1u, kThreads - 1, kThreads, kThreads + 1, 100'000u}) {
    const DeviceBuffer buffer(driver(), count);
    const auto stream = create_stream();
    ASSERT_THAT(driver().cuMemsetD32Async(buffer.address(), 0, count, stream.get()), is_ok());
    ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, count), is_ok());
    ASSERT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(buffer.read(), Each(7u)) << count << " elements";
  }
}

TEST_P(Kernels, CopyTheirArgumentsAtTheLaunch) {
  const auto buffer = create_buffer(4 * kThreads);
  const auto stream = create_stream();
  CUdeviceptr data = buffer.address();
  std::uint32_t value = 7;
  std::uint32_t count = buffer.count();
  void* parameters[] = {&data, &value, &count};
  auto gate = close_gate(stream.get());
  ASSERT_THAT(launch_fill(stream.get(), 4, kThreads, parameters, nullptr), is_ok());
  data = 0;
  value = 99;
  count = 1;
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Kernels, TakeTheirArgumentsInOneBufferToo) {
  const auto buffer = create_buffer(4 * kThreads);
  const auto stream = create_stream();
  FillParameters packed{buffer.address(), 7, buffer.count()};
  std::size_t bytes = sizeof packed;
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
  auto gate = close_gate(stream.get());
  ASSERT_THAT(launch_fill(stream.get(), 4, kThreads, nullptr, extra), is_ok());
  packed = {};
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Kernels, TakeTheirArgumentsInOneWayOnly) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  FillParameters packed{buffer.address(), 7, buffer.count()};
  std::size_t bytes = sizeof packed;
  void* parameters[] = {&packed.data, &packed.value, &packed.count};
  void* extra[] = {CU_LAUNCH_PARAM_BUFFER_POINTER, &packed, CU_LAUNCH_PARAM_BUFFER_SIZE, &bytes, CU_LAUNCH_PARAM_END};
  EXPECT_THAT(launch_fill(stream.get(), 1, kThreads, parameters, extra), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Kernels, ReadAndWriteInTheOrderOfTheStream) {
  const auto first = create_buffer();
  const auto second = create_buffer();
  const auto stream = create_stream();
  ASSERT_THAT(kernels().fill_u32(stream.get(), first.address(), 40, first.count()), is_ok());
  ASSERT_THAT(kernels().copy_u32(stream.get(), second.address(), first.address(), first.count()), is_ok());
  ASSERT_THAT(kernels().fill_u32(stream.get(), first.address(), 0, first.count()), is_ok());
  ASSERT_THAT(kernels().add_u32(stream.get(), second.address(), 2, second.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(first.read(), Each(0u));
  EXPECT_THAT(second.read(), Each(42u));
}

TEST_P(Kernels, RunOnSmsOfTheDevice) {
  int count = 0;
  ASSERT_THAT(driver().cuDeviceGetAttribute(&count, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device()), is_ok());
  const auto stream = create_stream();
  EXPECT_THAT(sms_used_on(stream.get()), Each(::testing::Lt(static_cast<std::uint32_t>(count))));
}

TEST_P(Kernels, AnEmptyGridOrBlockIsAnInvalidValue) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  FillParameters packed{buffer.address(), 7, buffer.count()};
  void* parameters[] = {&packed.data, &packed.value, &packed.count};
  EXPECT_THAT(launch_fill(stream.get(), 0, kThreads, parameters, nullptr), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(launch_fill(stream.get(), 1, 0, parameters, nullptr), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Kernels, ABlockOfTooManyThreadsIsAnInvalidValue) {
  int most = 0;
  ASSERT_THAT(driver().cuDeviceGetAttribute(&most, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, device()), is_ok());
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  FillParameters packed{buffer.address(), 7, buffer.count()};
  void* parameters[] = {&packed.data, &packed.value, &packed.count};
  EXPECT_THAT(launch_fill(stream.get(), 1, static_cast<unsigned>(most) + 1, parameters, nullptr),
              fails_with(CUDA_ERROR_INVALID_VALUE));
}

// Modules.

TEST_P(Kernels, AnUnknownKernelIsNotFound) {
  CUfunction function = nullptr;
  EXPECT_THAT(driver().cuModuleGetFunction(&function, kernels().module(), "no_such_kernel"),
              fails_with(CUDA_ERROR_NOT_FOUND));
}

TEST_P(Kernels, AModuleMayBeLoadedTwice) {
  const auto again = must(support::KernelLibrary::load(driver(), provider().kernel_image()));
  EXPECT_NE(again.module(), kernels().module());
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  ASSERT_THAT(again.fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Kernels, UnloadingAModuleWaitsForWorkOfOthers) {
  const auto event = create_event();
  const auto stream = create_stream();
  auto unused = must(cuda::load_module(driver(), provider().kernel_image()));
  ASSERT_THAT(kernels().spin(stream.get(), milliseconds(2)), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuModuleUnload(unused.release()), is_ok());
  EXPECT_THAT(driver().cuEventQuery(event.get()), is_ok());
}

TEST_P(Kernels, AnImageThatIsNoneIsRefused) {
  alignas(8) constexpr char kNoImage[64] = "this is neither a cubin, nor a fatbin, nor PTX";
  CUmodule module = nullptr;
  EXPECT_THAT(driver().cuModuleLoadData(&module, kNoImage),
              AnyOf(fails_with(CUDA_ERROR_INVALID_IMAGE), fails_with(CUDA_ERROR_INVALID_PTX)));
}

TEST_P(Kernels, ANullImageIsAnInvalidValue) {
  CUmodule module = nullptr;
  EXPECT_THAT(driver().cuModuleLoadData(&module, nullptr), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Kernels, AModuleNeedsAContext) {
  on_another_thread([&] {
    CUmodule module = nullptr;
    EXPECT_THAT(driver().cuModuleLoadData(&module, provider().kernel_image()), fails_with(CUDA_ERROR_INVALID_CONTEXT));
  });
}

}  // namespace
}  // namespace etrt::conformance
