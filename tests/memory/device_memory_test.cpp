// Device memory in stream order: that a refused free loses nothing and frees nothing in use, and what the limits are.

#include <memory_fixture.h>

#include <etrt/options.h>
#include <memory/device_staging.h>

namespace etrt::memory {
namespace {

class HeapMemory : public MemoryFixture {
 protected:
  StreamOrderedMemory allocate(const cuda::Stream& stream, std::size_t bytes = kBytes) {
    return must(StreamOrderedMemory::create(pools().heap(), bytes, stream.get()));
  }
};
ETRT_ON_EVERY_PROVIDER(HeapMemory);

TEST_P(HeapMemory, ThatAStreamDoesNotTakeBackIsFreedOnceItsWorkIsOver) {
  const auto stream = create_stream();
  auto memory = allocate(stream);
  hook().fail(Symbol::k_cuMemFreeAsync);
  auto gate = close_gate(stream.get());
  use(stream, memory.get());
  bool waited = false;
  hook().on_call = [&](Symbol symbol) {
    // CUDA frees stream-ordered memory at once here, whoever uses it.
    EXPECT_TRUE(symbol != Symbol::k_cuMemFree || waited);
    if (symbol != Symbol::k_cuStreamSynchronize) return;
    waited = true;
    gate.open();
  };
  memory.free_on(stream.get());
  EXPECT_EQ(hook().count(Symbol::k_cuMemFree), 1u);
  EXPECT_EQ(pools().report().device_bytes, 0u);
  EXPECT_EQ(pools().report().abandoned_bytes, 0u);
}

TEST_P(HeapMemory, ThatNobodyTakesBackIsCountedAndOfferedAgain) {
  const auto stream = create_stream();
  auto memory = allocate(stream);
  hook().fail(Symbol::k_cuMemFreeAsync);
  hook().fail(Symbol::k_cuMemFree);
  memory.free_on(stream.get());
  EXPECT_EQ(pools().report().abandoned_bytes, kBytes);
  EXPECT_EQ(pools().report().device_bytes, kBytes);
  pools().trim();
  EXPECT_EQ(pools().report().abandoned_bytes, kBytes);
  hook().pass();
  pools().trim();
  EXPECT_EQ(pools().report().abandoned_bytes, 0u);
  EXPECT_EQ(pools().report().device_bytes, 0u);
}

TEST_P(HeapMemory, ThatNoWaitCouldProveUnusedIsNeverFreed) {
  const auto stream = create_stream();
  auto memory = allocate(stream);
  const CUdeviceptr address = memory.get();
  auto gate = close_gate(stream.get());
  use(stream, address);
  for (const auto symbol : {Symbol::k_cuMemFreeAsync, Symbol::k_cuStreamSynchronize, Symbol::k_cuCtxSynchronize}) {
    hook().fail(symbol);
  }
  memory.free_on(stream.get());
  EXPECT_EQ(pools().report().abandoned_bytes, kBytes);
  hook().pass();
  pools().trim();
  EXPECT_EQ(hook().count(Symbol::k_cuMemFree), 0u);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(driver().cuMemFree(address), is_ok());
}

TEST_P(HeapMemory, ForAnyStreamIsHadWhileAStreamIsCaptured) {
  const auto stream = create_stream();
  StreamOrderedMemory memory;
  {
    ASSERT_THAT(driver().cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
    auto made = StreamOrderedMemory::create_for_any_stream(pools().heap(), kBytes);
    CUgraph graph = nullptr;
    EXPECT_THAT(driver().cuStreamEndCapture(stream.get(), &graph), is_ok());
    const cuda::Graph owner(driver(), graph);
    memory = must(std::move(made));
  }
  const auto other = create_stream();
  use(other, memory.get());
  EXPECT_THAT(synchronize(other), is_ok());
}

TEST_P(HeapMemory, BeyondTheLimitIsRefusedWithTheNumbers) {
  ASSERT_THAT(pools().apply({3 * kBytes, std::nullopt}), is_ok());
  const auto stream = create_stream();
  auto memory = allocate(stream, 2 * kBytes);
  const auto refused = StreamOrderedMemory::create(pools().heap(), 2 * kBytes, stream.get());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr(kOptionDeviceMemoryLimit), HasSubstr("12288"), HasSubstr("8192"), HasSubstr("raise it")));
  EXPECT_EQ(hook().count(Symbol::k_cuMemAllocAsync), 1u);
  memory.free_on(stream.get());
  auto again = allocate(stream, 2 * kBytes);
  EXPECT_EQ(pools().report().device_bytes, 2 * kBytes);
  EXPECT_EQ(pools().report().device_limit, 3 * kBytes);
  again.free_on(stream.get());
}

TEST_P(HeapMemory, ThatProgramsPlanIsNotWhatTheLimitIsAbout) {
  ASSERT_THAT(pools().apply({kBytes, std::nullopt}), is_ok());
  const auto planned = must(StreamOrderedMemory::create_for_any_stream(pools().planned(), 2 * kBytes));
  EXPECT_EQ(pools().report().planned_bytes, 2 * kBytes);
  EXPECT_EQ(pools().report().device_bytes, 0u);
}

TEST_P(HeapMemory, OfStagingGrowsToTheLastByteOfTheLimit) {
  ASSERT_THAT(pools().apply({3 * kBytes, std::nullopt}), is_ok());
  const auto stream = create_stream();
  DeviceStaging staging(pools().heap());
  ASSERT_THAT(staging.reserve(kBytes, stream.get()), is_ok());
  ASSERT_THAT(staging.reserve(3 * kBytes, stream.get()), is_ok()) << "the next power of two is beyond the limit";
  EXPECT_EQ(staging.capacity(), 3 * kBytes);
  EXPECT_FALSE(staging.reserve(3 * kBytes + 1, stream.get()).ok());
  EXPECT_EQ(staging.capacity(), 3 * kBytes) << "a refusal took what was there";
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(HeapMemory, LimitsOfTheFirstProgramHoldForTheNext) {
  ASSERT_THAT(pools().apply({kBytes, std::nullopt}), is_ok());
  EXPECT_THAT(pools().apply({std::nullopt, std::nullopt}), is_ok()) << "one that does not ask takes what there is";
  EXPECT_THAT(pools().apply({kBytes, std::nullopt}), is_ok());
  const Status other = pools().apply({2 * kBytes, std::nullopt});
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code(), ErrorCode::kInvalidState);
  EXPECT_THAT(other.error().message(),
              AllOf(HasSubstr(kOptionDeviceMemoryLimit), HasSubstr("4096"), HasSubstr("8192")));
  const Status late = pools().apply({kBytes, kBytes});
  ASSERT_FALSE(late.ok());
  EXPECT_THAT(late.error().message(), AllOf(HasSubstr(kOptionPinnedMemoryLimit), HasSubstr("open"), HasSubstr("4096")));
}

}  // namespace
}  // namespace etrt::memory
