// What CUDA promises about memory that is allocated and freed in stream order.
#include <algorithm>

#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class StreamOrderedMemory : public ContextFixture {
 protected:
  CUdeviceptr allocate(std::size_t bytes, CUstream stream) const {
    CUdeviceptr address = 0;
    EXPECT_THAT(driver().cuMemAllocAsync(&address, bytes, stream), is_ok());
    return address;
  }
};
ETRT_ON_EVERY_PROVIDER(StreamOrderedMemory);

constexpr std::uint32_t kCount = 1024;
constexpr std::size_t kBytes = kCount * sizeof(std::uint32_t);

TEST_P(StreamOrderedMemory, ServesTheWorkBetweenAllocationAndFree) {
  const auto out = create_pinned();
  const auto stream = create_stream();
  const auto memory = allocate(kBytes, stream.get());
  ASSERT_THAT(kernels().fill_u32(stream.get(), memory, 7, kCount), is_ok());
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(out.data(), memory, kBytes, stream.get()), is_ok());
  ASSERT_THAT(driver().cuMemFreeAsync(memory, stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

TEST_P(StreamOrderedMemory, IsAllocatedWithoutWaitingForTheStream) {
  const auto stream = create_stream();
  // The first allocation of a device grows its pool, which a driver may do with the device at rest.
  const auto warm = allocate(kBytes, stream.get());
  ASSERT_THAT(driver().cuMemFreeAsync(warm, stream.get()), is_ok());
  auto gate = close_gate(stream.get());
  const auto memory = allocate(kBytes, stream.get());
  ASSERT_THAT(kernels().fill_u32(stream.get(), memory, 7, kCount), is_ok());
  ASSERT_THAT(driver().cuMemFreeAsync(memory, stream.get()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(StreamOrderedMemory, ServesAnotherStreamThatWaitsForTheAllocation) {
  const auto out = create_pinned();
  const auto allocated = create_event();
  const auto used = create_event();
  const auto owner = create_stream();
  const auto user = create_stream();
  const auto memory = allocate(kBytes, owner.get());
  ASSERT_THAT(driver().cuEventRecord(allocated.get(), owner.get()), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(user.get(), allocated.get(), 0), is_ok());
  ASSERT_THAT(kernels().fill_u32(user.get(), memory, 7, kCount), is_ok());
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(out.data(), memory, kBytes, user.get()), is_ok());
  ASSERT_THAT(driver().cuEventRecord(used.get(), user.get()), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(owner.get(), used.get(), 0), is_ok());
  ASSERT_THAT(driver().cuMemFreeAsync(memory, owner.get()), is_ok());
  ASSERT_THAT(synchronize(owner), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

TEST_P(StreamOrderedMemory, MayBeFreedOnAnotherStream) {
  const auto event = create_event();
  const auto owner = create_stream();
  const auto other = create_stream();
  const auto memory = allocate(kBytes, owner.get());
  ASSERT_THAT(kernels().fill_u32(owner.get(), memory, 7, kCount), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), owner.get()), is_ok());
  ASSERT_THAT(driver().cuStreamWaitEvent(other.get(), event.get(), 0), is_ok());
  EXPECT_THAT(driver().cuMemFreeAsync(memory, other.get()), is_ok());
  EXPECT_THAT(synchronize(other), is_ok());
}

TEST_P(StreamOrderedMemory, MayBeFreedSynchronouslyWhenTheStreamIsDone) {
  const auto stream = create_stream();
  const auto memory = allocate(kBytes, stream.get());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(driver().cuMemFree(memory), is_ok());
}

TEST_P(StreamOrderedMemory, AllocationsInUseTogetherDoNotOverlap) {
  const auto stream = create_stream();
  const auto first = allocate(kBytes, stream.get());
  const auto second = allocate(kBytes, stream.get());
  EXPECT_GE(std::max(first, second) - std::min(first, second), kBytes);
  EXPECT_THAT(driver().cuMemFreeAsync(first, stream.get()), is_ok());
  EXPECT_THAT(driver().cuMemFreeAsync(second, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(StreamOrderedMemory, MoreThanThereIsRunsOutOfMemory) {
  std::size_t total = 0;
  ASSERT_THAT(driver().cuDeviceTotalMem(&total, device()), is_ok());
  const auto stream = create_stream();
  CUdeviceptr memory = 0;
  EXPECT_THAT(driver().cuMemAllocAsync(&memory, total + (std::size_t{1} << 30), stream.get()),
              fails_with(CUDA_ERROR_OUT_OF_MEMORY));
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(StreamOrderedMemory, AllocatingNothingGivesWhatMayBeFreed) {
  const auto stream = create_stream();
  const auto memory = allocate(0, stream.get());
  EXPECT_THAT(driver().cuMemFreeAsync(memory, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(StreamOrderedMemory, FreeingNullDoesNothing) {
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuMemFreeAsync(0, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(StreamOrderedMemory, OrdinaryMemoryMayBeFreedInStreamOrder) {
  const auto stream = create_stream();
  CUdeviceptr memory = 0;
  ASSERT_THAT(driver().cuMemAlloc(&memory, kBytes), is_ok());
  ASSERT_THAT(kernels().fill_u32(stream.get(), memory, 7, kCount), is_ok());
  EXPECT_THAT(driver().cuMemFreeAsync(memory, stream.get()), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(StreamOrderedMemory, FreeingAHostPointerIsAnInvalidValue) {
  const auto stream = create_stream();
  std::uint32_t value = 0;
  EXPECT_THAT(driver().cuMemFreeAsync(host_address(&value), stream.get()), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(StreamOrderedMemory, WorksOnThePerThreadStream) {
  const auto memory = allocate(kBytes, CU_STREAM_PER_THREAD);
  ASSERT_THAT(kernels().fill_u32(CU_STREAM_PER_THREAD, memory, 7, kCount), is_ok());
  EXPECT_THAT(driver().cuMemFreeAsync(memory, CU_STREAM_PER_THREAD), is_ok());
  EXPECT_THAT(driver().cuStreamSynchronize(CU_STREAM_PER_THREAD), is_ok());
}

}  // namespace
}  // namespace etrt::conformance
