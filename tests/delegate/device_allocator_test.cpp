// ExecuTorch's allocator for memory labelled CUDA, as etrt registers it.

#include <cstring>
#include <delegate_fixture.h>

#include <executorch/runtime/core/device_allocator.h>

#include <process/process.h>

namespace etrt::test {
namespace {

namespace et = executorch::runtime;
using Values = std::vector<std::int32_t>;

constexpr std::size_t kElements = 64;
constexpr std::size_t kBytes = kElements * sizeof(std::int32_t);

/// Allocates under a guard on a stream of the test's device, which says what "CUDA device 0" means.
class Allocator : public DelegateTest {
 protected:
  void SetUp() override {
    DelegateTest::SetUp();
    if (IsSkipped()) return;
    allocator_ = et::get_device_allocator(DeviceType::CUDA);
    ASSERT_NE(allocator_, nullptr);
    stream_ = create_stream();
  }
  void TearDown() override {
    for (void* pointer : allocated_) allocator_->deallocate(pointer, 0);
    stream_.reset();
    DelegateTest::TearDown();
  }

  et::DeviceAllocator& allocator() const { return *allocator_; }
  const Stream& stream() const { return *stream_; }

  et::Result<void*> try_allocate(std::size_t bytes, int index = 0, std::size_t alignment = 16) const {
    const StreamGuard guard(stream_->get());
    return allocator_->allocate(bytes, static_cast<std::int8_t>(index), alignment);
  }
  void* allocate(std::size_t bytes) {
    const auto memory = try_allocate(bytes);
    EXPECT_TRUE(memory.ok());
    allocated_.push_back(memory.ok() ? *memory : nullptr);
    return allocated_.back();
  }

  et::Error copy_in(void* target, const Values& source) const {
    return allocator_->copy_host_to_device(target, source.data(), source.size() * sizeof(std::int32_t), 0);
  }
  /// Pinned memory is allocated on the first copy, which may wait for a stream that stands still.
  void warm_up(void* memory) const {
    const StreamGuard guard(stream_->get());
    EXPECT_EQ(copy_in(memory, Values(kElements, 0)), et::Error::Ok);
    EXPECT_THAT(stream_->synchronize(), is_ok());
  }
  Values copy_out(const void* source) const {
    Values values(kElements);
    EXPECT_EQ(allocator_->copy_device_to_host(values.data(), source, kBytes, 0), et::Error::Ok);
    return values;
  }

 private:
  et::DeviceAllocator* allocator_ = nullptr;
  std::optional<Stream> stream_;
  std::vector<void*> allocated_;
};
ETRT_ON_EVERY_DEVICE(Allocator);

TEST_P(Allocator, GivesMemoryOfTheDeviceAlignedAsAsked) {
  for (const std::size_t alignment : {std::size_t{1}, std::size_t{16}, std::size_t{4096}, std::size_t{1} << 20}) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{5000}}) {
      const auto memory = try_allocate(bytes, 0, alignment);
      ASSERT_TRUE(memory.ok());
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(*memory) % alignment, 0u);
      unsigned type = 0;
      const auto address = reinterpret_cast<CUdeviceptr>(*memory);
      EXPECT_THAT(driver().cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address), is_ok());
      EXPECT_EQ(type, CU_MEMORYTYPE_DEVICE);
      allocator().deallocate(*memory, 0);
    }
  }
}

TEST_P(Allocator, CopiesInAndOut) {
  void* const memory = allocate(kBytes);
  const Values values(kElements, 7);
  EXPECT_EQ(copy_in(memory, values), et::Error::Ok);
  EXPECT_EQ(copy_out(memory), values) << "without a guard";
  const StreamGuard guard(stream().get());
  EXPECT_EQ(copy_in(memory, Values(kElements, 8)), et::Error::Ok);
  EXPECT_EQ(copy_out(memory), Values(kElements, 8)) << "with a guard";
}

TEST_P(Allocator, CopiesToAPlaceInsideOfItsMemory) {
  auto* const memory = static_cast<std::byte*>(allocate(2 * kBytes));
  EXPECT_EQ(copy_in(memory, Values(2 * kElements, 1)), et::Error::Ok);
  EXPECT_EQ(copy_in(memory + kBytes, Values(kElements, 2)), et::Error::Ok);
  EXPECT_EQ(copy_out(memory), Values(kElements, 1));
  EXPECT_EQ(copy_out(memory + kBytes), Values(kElements, 2));
}

TEST_P(Allocator, CopiesToMemoryThatTheApplicationAllocated) {
  DeviceTensor tensor(device(), {kElements}, 1);
  const StreamGuard guard(stream().get());
  EXPECT_EQ(copy_in(tensor.buffer.data(), Values(kElements, 5)), et::Error::Ok);
  EXPECT_EQ(copy_out(tensor.buffer.data()), Values(kElements, 5));
}

TEST_P(Allocator, UnderAGuardTheHostNeitherWaitsNorHasToKeepTheSource) {
  void* const memory = allocate(kBytes);
  warm_up(memory);
  auto gate = close_gate(stream());
  const StreamGuard guard(stream().get());
  Values source(kElements, 3);
  const auto waits = host_waits();
  EXPECT_EQ(copy_in(memory, source), et::Error::Ok);
  EXPECT_EQ(host_waits(), waits);
  EXPECT_FALSE(must(stream().is_done())) << "the copy has to be behind the gate";
  source.assign(kElements, -1);
  gate.open();
  EXPECT_EQ(copy_out(memory), Values(kElements, 3));
}

TEST_P(Allocator, ACopyToTheHostSeesAllThatWasEnqueuedBefore) {
  void* const memory = allocate(kBytes);
  const StreamGuard guard(stream().get());
  const auto address = reinterpret_cast<CUdeviceptr>(memory);
  ASSERT_THAT(driver().cuMemsetD8Async(address, 0x11, kBytes, stream().get()), is_ok());
  EXPECT_EQ(copy_out(memory), Values(kElements, 0x11111111));
}

TEST_P(Allocator, WithoutAGuardACopyIsDoneOnReturn) {
  void* const memory = allocate(kBytes);
  EXPECT_EQ(copy_in(memory, Values(kElements, 4)), et::Error::Ok);
  Values values(kElements);
  const auto address = reinterpret_cast<CUdeviceptr>(memory);
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(values.data(), address, kBytes, stream().get()), is_ok());
  ASSERT_THAT(stream().synchronize(), is_ok());
  EXPECT_EQ(values, Values(kElements, 4)) << "and another stream sees it";
}

TEST_P(Allocator, OrdersCopiesIntoOneMemoryOnTheDevice) {
  void* const memory = allocate(kBytes);
  const Stream second = create_stream();
  hook().counter.reset();
  {
    const StreamGuard guard(stream().get());
    for (int i = 0; i < 2; ++i) EXPECT_EQ(copy_in(memory, Values(kElements, i)), et::Error::Ok);
    EXPECT_EQ(calls(Symbol::k_cuStreamWaitEvent), 0u) << "a stream orders its own copies";
  }
  const StreamGuard guard(second.get());
  EXPECT_EQ(copy_in(memory, Values(kElements, 2)), et::Error::Ok);
  EXPECT_EQ(calls(Symbol::k_cuStreamWaitEvent), 1u);
  EXPECT_EQ(host_waits(), 0u);
  EXPECT_EQ(copy_out(memory), Values(kElements, 2));
}

TEST_P(Allocator, FreesBehindACopyInFlightWithoutWaitingForIt) {
  const auto memory = try_allocate(kBytes);
  ASSERT_TRUE(memory.ok());
  warm_up(*memory);
  auto gate = close_gate(stream());
  {
    const StreamGuard guard(stream().get());
    EXPECT_EQ(copy_in(*memory, Values(kElements, 3)), et::Error::Ok);
  }
  const auto waits = host_waits();
  allocator().deallocate(*memory, 0);
  EXPECT_EQ(host_waits(), waits);
  gate.open();
  EXPECT_THAT(stream().synchronize(), is_ok());
}

TEST_P(Allocator, RefusesToFreeWhatItDidNotGive) {
  auto* const memory = static_cast<std::byte*>(allocate(kBytes));
  DeviceTensor other(device(), {kElements}, 6);
  Values host(kElements, 9);
  const auto once = try_allocate(kBytes);
  ASSERT_TRUE(once.ok());
  allocator().deallocate(*once, 0);
  EXPECT_EQ(copy_in(memory, Values(kElements, 5)), et::Error::Ok);
  hook().counter.reset();
  for (void* pointer : {static_cast<void*>(memory + 4), other.buffer.data(), static_cast<void*>(host.data()), *once,
                        static_cast<void*>(nullptr)}) {
    allocator().deallocate(pointer, 0);
  }
  EXPECT_EQ(hook().counter.total(), 0u) << "the driver has nothing to do with it";
  EXPECT_EQ(copy_out(memory), Values(kElements, 5));
  EXPECT_EQ(other.read(), Values(kElements, 6));
}

TEST_P(Allocator, RefusesWhatCannotBeAllocated) {
  EXPECT_EQ(try_allocate(kBytes, -1).error(), et::Error::InvalidArgument);
  EXPECT_EQ(try_allocate(kBytes, 99).error(), et::Error::NotFound);
  EXPECT_EQ(try_allocate(kBytes, 0, 0).error(), et::Error::InvalidArgument);
  EXPECT_EQ(try_allocate(kBytes, 0, 48).error(), et::Error::InvalidArgument);
  EXPECT_EQ(try_allocate(std::size_t{1} << 60).error(), et::Error::MemoryAllocationFailed);
  EXPECT_EQ(try_allocate(SIZE_MAX, 0, 4096).error(), et::Error::MemoryAllocationFailed);
}

TEST_P(Allocator, RefusesCopiesThatCannotBeRight) {
  void* const memory = allocate(kBytes);
  DeviceTensor other(device(), {kElements}, 6);
  Values host(2 * kElements, 1);
  const StreamGuard guard(stream().get());
  EXPECT_EQ(copy_in(memory, host), et::Error::InvalidArgument) << "past the end of the memory";
  EXPECT_EQ(allocator().copy_host_to_device(memory, nullptr, 4, 0), et::Error::InvalidArgument);
  EXPECT_EQ(allocator().copy_device_to_host(nullptr, memory, 4, 0), et::Error::InvalidArgument);
  EXPECT_EQ(allocator().copy_host_to_device(memory, other.buffer.data(), 4, 0), et::Error::InvalidArgument);
  EXPECT_EQ(allocator().copy_device_to_host(other.buffer.data(), memory, 4, 0), et::Error::InvalidArgument);
  EXPECT_EQ(allocator().copy_host_to_device(nullptr, nullptr, 0, 0), et::Error::Ok) << "an empty tensor";
}

TEST_P(Allocator, RefusesToCopyInACaptureAndLeavesItValid) {
  void* const memory = allocate(kBytes);
  Values host(kElements, 1);
  begin_capture(stream());
  {
    const StreamGuard guard(stream().get());
    EXPECT_EQ(copy_in(memory, host), et::Error::InvalidState);
    EXPECT_EQ(allocator().copy_device_to_host(host.data(), memory, kBytes, 0), et::Error::InvalidState);
  }
  static_cast<void>(end_capture(stream()));
}

TEST_P(Allocator, RefusesToCopyUnderAGreenContextWithoutAGuard) {
  const auto limits = device().partition_limits();
  if (!limits.ok()) GTEST_SKIP() << limits.error().message();
  const auto partition = must(Partition::create(device(), limits->minimum));
  CUcontext green = nullptr;
  ASSERT_THAT(driver().cuCtxFromGreenCtx(&green, partition.get()), is_ok());
  const auto scope = must(cuda::CurrentContext::push(driver(), green));
  void* const memory = allocate(kBytes);
  ASSERT_NE(memory, nullptr) << "memory belongs to the device, not to a partition";
  EXPECT_EQ(copy_in(memory, Values(kElements, 1)), et::Error::InvalidState);
}

TEST_P(Allocator, EachDriverCallThatFailsIsReportedAndLosesNothing) {
  const StreamGuard guard(stream().get());
  bool delivered = true;
  for (int nth = 1; delivered; ++nth) {
    ASSERT_LT(nth, 200);
    hook().faults.fail_any(static_cast<std::uint64_t>(nth), CUDA_ERROR_UNKNOWN);
    const auto memory = allocator().allocate(kBytes, 0);
    const bool copied = memory.ok() && copy_in(*memory, Values(kElements, nth)) == et::Error::Ok;
    Values values(kElements);
    const bool read = copied && allocator().copy_device_to_host(values.data(), *memory, kBytes, 0) == et::Error::Ok;
    if (read) {
      EXPECT_EQ(values, Values(kElements, nth)) << "call " << nth;
    }
    if (memory.ok()) allocator().deallocate(*memory, 0);
    delivered = hook().faults.delivered() > 0;
    EXPECT_TRUE(read || delivered);
    hook().faults.clear();
  }
}

TEST_P(Allocator, AllocatesNothingMoreOnceItsStagingIsWarm) {
  void* const memory = allocate(kBytes);
  const StreamGuard guard(stream().get());
  const auto round = [&] {
    EXPECT_EQ(copy_in(memory, Values(kElements, 1)), et::Error::Ok);
    copy_out(memory);
  };
  {
    // As many blocks as may be in use at once: the copy in may still be in flight when the one out begins.
    memory::PinnedPool& pinned = process::Process::instance().memory().of(device().native()).pinned();
    const auto one = must(pinned.lend(kBytes));
    const auto other = must(pinned.lend(kBytes));
  }
  round();
  hook().counter.reset();
  for (int i = 0; i < 8; ++i) round();
  for (const Symbol symbol : {Symbol::k_cuMemAlloc, Symbol::k_cuMemAllocAsync, Symbol::k_cuMemHostAlloc,
                              Symbol::k_cuMemFree, Symbol::k_cuMemFreeAsync, Symbol::k_cuMemFreeHost}) {
    EXPECT_EQ(calls(symbol), 0u) << cuda::name(symbol);
  }
}

TEST_P(Allocator, MayBeUsedByManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Stream own = create_stream();
      const StreamGuard guard(own.get());
      for (int i = 0; i < 50; ++i) {
        const auto memory = allocator().allocate(kBytes, 0);
        ASSERT_TRUE(memory.ok());
        EXPECT_EQ(copy_in(*memory, Values(kElements, 100 * t + i)), et::Error::Ok);
        EXPECT_EQ(copy_out(*memory), Values(kElements, 100 * t + i));
        allocator().deallocate(*memory, 0);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

/// A process with two virtual devices.
class AllocatorOfTwoDevices : public Allocator {};
INSTANTIATE_TEST_SUITE_P(On, AllocatorOfTwoDevices, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(AllocatorOfTwoDevices, TheIndexIsTheDevices) {
  const auto memory = try_allocate(kBytes, 1);
  ASSERT_TRUE(memory.ok());
  int ordinal = -1;
  const auto address = reinterpret_cast<CUdeviceptr>(*memory);
  EXPECT_THAT(driver().cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address), is_ok());
  EXPECT_EQ(ordinal, 1);
  const StreamGuard guard(stream().get());
  EXPECT_EQ(copy_in(*memory, Values(kElements, 1)), et::Error::InvalidArgument) << "on a stream of device 0";
  allocator().deallocate(*memory, 1);
}

}  // namespace
}  // namespace etrt::test
