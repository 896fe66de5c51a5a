// What CUDA promises about device memory and pinned host memory.
#include <algorithm>

#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class Memory : public ContextFixture {
 protected:
  /// More than the whole device has.
  std::size_t too_much() const {
    std::size_t total = 0;
    EXPECT_THAT(driver().cuDeviceTotalMem(&total, device()), is_ok());
    return total + (std::size_t{1} << 30);
  }
};
ETRT_ON_EVERY_PROVIDER(Memory);

TEST_P(Memory, DeviceAllocationsAreAlignedTo256Bytes) {
  for (const std::uint32_t count : {1u, 3u, 1000u}) {
    const DeviceBuffer first(driver(), count);
    const DeviceBuffer second(driver(), count);
    EXPECT_EQ(first.address() % 256, 0u);
    EXPECT_EQ(second.address() % 256, 0u);
  }
}

TEST_P(Memory, DeviceAllocationsDoNotOverlap) {
  const DeviceBuffer first(driver(), 1000);
  const DeviceBuffer second(driver(), 1000);
  EXPECT_GE(std::max(first.address(), second.address()) - std::min(first.address(), second.address()), first.bytes());
}

TEST_P(Memory, AllocatingNothingIsAnInvalidValue) {
  CUdeviceptr address = 0;
  EXPECT_THAT(driver().cuMemAlloc(&address, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Memory, AllocatingMoreThanThereIsRunsOutOfMemory) {
  CUdeviceptr address = 0;
  EXPECT_THAT(driver().cuMemAlloc(&address, too_much()), fails_with(CUDA_ERROR_OUT_OF_MEMORY));
}

TEST_P(Memory, RunningOutOfMemoryHarmsNothingElse) {
  const auto stream = create_stream();
  CUdeviceptr address = 0;
  ASSERT_THAT(driver().cuMemAlloc(&address, too_much()), fails_with(CUDA_ERROR_OUT_OF_MEMORY));
  const auto buffer = create_buffer();
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Memory, WhatIsAllocatedIsNotFree) {
  constexpr std::uint32_t kCount = 16u << 20;
  const DeviceBuffer buffer(driver(), kCount);
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_THAT(driver().cuMemGetInfo(&free, &total), is_ok());
  EXPECT_LE(free + buffer.bytes(), total);
}

TEST_P(Memory, FreeingTheSameTwiceIsAnInvalidValue) {
  CUdeviceptr address = 0;
  ASSERT_THAT(driver().cuMemAlloc(&address, 4096), is_ok());
  ASSERT_THAT(driver().cuMemFree(address), is_ok());
  EXPECT_THAT(driver().cuMemFree(address), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Memory, FreeingTheInsideOfAnAllocationIsAnInvalidValue) {
  const auto buffer = create_buffer();
  EXPECT_THAT(driver().cuMemFree(buffer.address() + 4), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Memory, FreeingAHostPointerIsAnInvalidValue) {
  std::uint32_t value = 0;
  EXPECT_THAT(driver().cuMemFree(host_address(&value)), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Memory, IsKeptBetweenKernels) {
  const auto buffer = create_buffer();
  const auto first = create_stream();
  const auto second = create_stream();
  ASSERT_THAT(kernels().fill_u32(first.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(first), is_ok());
  ASSERT_THAT(kernels().add_u32(second.get(), buffer.address(), 2, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(second), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Memory, OfADeviceServesEveryThread) {
  const auto buffer = create_buffer();
  on_another_thread([&] {
    ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
    const auto stream = create_stream();
    ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
    ASSERT_THAT(synchronize(stream), is_ok());
  });
  EXPECT_THAT(buffer.read(), Each(7u));
}

// Pinned host memory.

TEST_P(Memory, PinnedMemoryIsWrittenByTheHostAndReadByKernels) {
  const auto pinned = create_pinned();
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  for (auto& value : pinned.values()) value = 7;
  ASSERT_THAT(kernels().copy_u32(stream.get(), buffer.address(), pinned.address(), pinned.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Memory, PinnedMemoryIsWrittenByKernelsAndReadByTheHost) {
  const auto pinned = create_pinned();
  const auto stream = create_stream();
  ASSERT_THAT(kernels().fill_u32(stream.get(), pinned.address(), 7, pinned.count()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(pinned.values(), Each(7u));
}

TEST_P(Memory, PinnedMemoryTakesPortableAndMappedFlags) {
  for (const unsigned flags : {CU_MEMHOSTALLOC_PORTABLE, CU_MEMHOSTALLOC_DEVICEMAP}) {
    void* pinned = nullptr;
    EXPECT_THAT(driver().cuMemHostAlloc(&pinned, 4096, flags), is_ok());
    EXPECT_THAT(driver().cuMemFreeHost(pinned), is_ok());
  }
}

TEST_P(Memory, UnknownFlagsOfPinnedMemoryAreAnInvalidValue) {
  void* pinned = nullptr;
  EXPECT_THAT(driver().cuMemHostAlloc(&pinned, 4096, 0x8000), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Memory, PinningNothingGivesWhatMayBeFreed) {
  void* pinned = nullptr;
  EXPECT_THAT(driver().cuMemHostAlloc(&pinned, 0, 0), is_ok());
  EXPECT_THAT(driver().cuMemFreeHost(pinned), is_ok());
}

TEST_P(Memory, FreeingNullDoesNothing) {
  EXPECT_THAT(driver().cuMemFree(0), is_ok());
  EXPECT_THAT(driver().cuMemFreeHost(nullptr), is_ok());
}

TEST_P(Memory, FreeingPageableMemoryAsPinnedIsAnInvalidValue) {
  std::uint32_t value = 0;
  EXPECT_THAT(driver().cuMemFreeHost(&value), fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
