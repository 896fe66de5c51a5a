// Pinned memory for staging copies: what a block is good for, how far the pool grows, and what becomes of it.

#include <cstring>
#include <memory_fixture.h>
#include <thread>

#include <etrt/options.h>

namespace etrt::memory {
namespace {

constexpr std::size_t kBlock = 4096;

class Pinned : public MemoryFixture {
 protected:
  /// Blocks there are, all free. Made before a gate is closed: CUDA makes pinned memory with the device at rest.
  void fill_with(std::size_t count, std::size_t bytes = kBlock) {
    std::vector<PinnedPool::Block> blocks;
    for (std::size_t i = 0; i < count; ++i) blocks.push_back(must(pools().pinned().lend(bytes)));
  }
  void limit(std::size_t bytes) { ASSERT_THAT(pools().apply({std::nullopt, bytes}), is_ok()); }

  /// A staged call that returns with its copy in flight.
  void call(const cuda::Stream& stream, std::size_t bytes = kBlock) {
    auto block = must(pools().pinned().lend(bytes));
    use(stream, block);
    ASSERT_THAT(block.release_after(stream.get()), is_ok());
  }
};
ETRT_ON_EVERY_PROVIDER(Pinned);

TEST_P(Pinned, BlocksAreLargeEnoughWhateverWasLentBefore) {
  for (const std::size_t bytes : {1, 4096, 4097, 100000, 5000, 1, 300000, 4096, 99999}) {
    const auto block = must(pools().pinned().lend(bytes));
    ASSERT_GE(block.capacity(), bytes);
    std::memset(block.data(), 1, bytes);
  }
  // Several at a time, of which the free ones are too small.
  const auto first = must(pools().pinned().lend(400000));
  const auto second = must(pools().pinned().lend(500000));
  EXPECT_GE(first.capacity(), 400000u);
  EXPECT_GE(second.capacity(), 500000u);
}

TEST_P(Pinned, BlocksAreLentAgainWhenTheDeviceIsDoneAndNotBefore) {
  fill_with(2);
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  call(stream);
  const auto other = must(pools().pinned().lend(kBlock));
  EXPECT_EQ(hook().count(Symbol::k_cuMemHostAlloc), 2u);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  const auto again = must(pools().pinned().lend(kBlock));
  EXPECT_EQ(hook().count(Symbol::k_cuMemHostAlloc), 2u);
}

TEST_P(Pinned, AProducerFasterThanTheDeviceWaitsForItsOldestCopyAtTheLimit) {
  limit(4 * kBlock);
  fill_with(4);
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  int waits = 0;
  hook().on_call = [&](Symbol symbol) {
    if (symbol != Symbol::k_cuEventSynchronize) return;
    ++waits;
    gate.open();
  };
  for (int i = 0; i < 4; ++i) call(stream);
  EXPECT_EQ(waits, 0);
  call(stream);
  EXPECT_EQ(waits, 1);
  for (int i = 0; i < 100; ++i) call(stream);
  EXPECT_EQ(pools().pinned().bytes(), 4 * kBlock);
  EXPECT_EQ(hook().count(Symbol::k_cuMemHostAlloc), 4u);
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(Pinned, WithoutALimitTheProducerIsHeldUpAtASoftOne) {
  constexpr std::size_t kLarge = PinnedPool::kSoftLimit / 4;
  fill_with(4, kLarge);
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  int waits = 0;
  hook().on_call = [&](Symbol symbol) {
    if (symbol != Symbol::k_cuEventSynchronize) return;
    ++waits;
    gate.open();
  };
  for (int i = 0; i < 4; ++i) call(stream, kLarge);
  EXPECT_EQ(waits, 0);
  for (int i = 0; i < 4; ++i) call(stream, kLarge);
  EXPECT_GE(waits, 1);
  EXPECT_EQ(pools().pinned().bytes(), PinnedPool::kSoftLimit);
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(Pinned, WithoutALimitOneCallGetsWhatItNeeds) {
  constexpr std::size_t kLarge = PinnedPool::kSoftLimit;
  fill_with(8);
  const auto input = must(pools().pinned().lend(kLarge));
  const auto output = must(pools().pinned().lend(kLarge, PinnedPool::Holds::kABlock));
  EXPECT_EQ(pools().pinned().bytes(), 2 * kLarge) << "the small blocks, which were idle, had to go";
}

TEST_P(Pinned, ACallAsksAfterAFewBlocksHoweverManyAreInUse) {
  fill_with(64);
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  for (int i = 0; i < 63; ++i) call(stream);
  const auto before = hook().count(Symbol::k_cuEventQuery);
  call(stream);
  EXPECT_LE(hook().count(Symbol::k_cuEventQuery) - before, 4u);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(Pinned, ACallThatNeedsMoreThanTheLimitIsToldSo) {
  limit(2 * kBlock);
  const auto refused = pools().pinned().lend(2 * kBlock + 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr(kOptionPinnedMemoryLimit), HasSubstr("8193"), HasSubstr("8192"), HasSubstr("raise it")));
  EXPECT_EQ(must(pools().pinned().lend(2 * kBlock)).capacity(), 2 * kBlock);
}

TEST_P(Pinned, IdleBlocksThatAreTooSmallMakeRoom) {
  limit(4 * kBlock);
  fill_with(4);
  EXPECT_EQ(must(pools().pinned().lend(4 * kBlock)).capacity(), 4 * kBlock);
  EXPECT_EQ(pools().pinned().bytes(), 4 * kBlock);
}

TEST_P(Pinned, ACallWaitsForABlockThatAnotherHolds) {
  limit(kBlock);
  auto held = std::make_unique<PinnedPool::Block>(must(pools().pinned().lend(kBlock)));
  bool lent = false;
  std::thread other([&] { lent = pools().pinned().lend(kBlock).ok(); });
  held.reset();
  other.join();
  EXPECT_TRUE(lent);
  EXPECT_EQ(pools().pinned().bytes(), kBlock);
}

TEST_P(Pinned, ACallThatHoldsABlockIsRefusedRatherThanMadeToWaitForOthers) {
  limit(2 * kBlock);
  const auto input = must(pools().pinned().lend(kBlock));
  const auto of_another_call = must(pools().pinned().lend(kBlock));
  const auto output = pools().pinned().lend(kBlock, PinnedPool::Holds::kABlock);
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().code(), ErrorCode::kOutOfMemory);
}

TEST_P(Pinned, NobodyWaitsForABlockThatAGraphKeeps) {
  limit(kBlock);
  auto kept = must(pools().pinned().lend(kBlock));
  kept.keep();
  EXPECT_FALSE(pools().pinned().lend(kBlock).ok());
}

TEST_P(Pinned, TrimmingGivesBackWhatIsIdleAlone) {
  fill_with(1);
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  call(stream);
  pools().trim();
  EXPECT_EQ(pools().pinned().bytes(), kBlock) << "the device uses it";
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  pools().trim();
  EXPECT_EQ(pools().pinned().bytes(), 0u);
  EXPECT_EQ(hook().count(Symbol::k_cuMemFreeHost), 1u);
}

TEST_P(Pinned, ABlockWhoseLastUseNoWaitCouldProveOverIsNeitherLentNorFreed) {
  limit(kBlock);
  fill_with(1);
  const auto stream = create_stream();
  auto gate = close_gate(stream.get());
  call(stream);
  hook().fail(Symbol::k_cuEventSynchronize);
  hook().fail(Symbol::k_cuCtxSynchronize);
  EXPECT_FALSE(pools().pinned().lend(kBlock).ok());
  EXPECT_EQ(pools().report().abandoned_bytes, kBlock);
  hook().pass();
  EXPECT_FALSE(pools().pinned().lend(kBlock).ok()) << "it is still the device's";
  pools().trim();
  EXPECT_EQ(hook().count(Symbol::k_cuMemFreeHost), 0u);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  pools().trim();
  EXPECT_EQ(pools().report().abandoned_bytes, 0u) << "now its event has told";
  EXPECT_THAT(pools().pinned().lend(kBlock), is_ok());
}

TEST_P(Pinned, WhenAnEventCannotBeWaitedForTheDeviceIs) {
  limit(kBlock);
  const auto stream = create_stream();
  call(stream);
  hook().fail(Symbol::k_cuEventSynchronize);
  hook().fail(Symbol::k_cuEventQuery);
  EXPECT_THAT(pools().pinned().lend(kBlock), is_ok());
  EXPECT_EQ(hook().count(Symbol::k_cuCtxSynchronize), 1u);
  EXPECT_EQ(pools().report().abandoned_bytes, 0u);
}

TEST_P(Pinned, AUseWhoseEndCannotBeMarkedIsWaitedFor) {
  const auto stream = create_stream();
  hook().fail(Symbol::k_cuEventRecord);
  {
    auto block = must(pools().pinned().lend(kBlock));
    use(stream, block);
    EXPECT_FALSE(block.release_after(stream.get()).ok());
    EXPECT_THAT(driver().cuStreamQuery(stream.get()), is_ok());
  }
  EXPECT_EQ(pools().report().abandoned_bytes, 0u);
  hook().fail(Symbol::k_cuStreamSynchronize);
  hook().fail(Symbol::k_cuCtxSynchronize);
  void* abandoned = nullptr;
  {
    auto block = must(pools().pinned().lend(kBlock));
    abandoned = block.data();
    EXPECT_FALSE(block.release_after(stream.get()).ok());
  }
  EXPECT_EQ(pools().report().abandoned_bytes, kBlock);
  hook().pass();
  const auto other = must(pools().pinned().lend(kBlock));
  EXPECT_EQ(pools().pinned().bytes(), 2 * kBlock) << "the abandoned one was lent";
  EXPECT_NE(other.data(), abandoned);
  EXPECT_THAT(driver().cuMemFreeHost(abandoned), is_ok());
}

TEST_P(Pinned, MemoryThatIsNotTakenBackIsOfferedAgain) {
  fill_with(1);
  hook().fail(Symbol::k_cuMemFreeHost);
  pools().trim();
  EXPECT_EQ(pools().report().abandoned_bytes, kBlock);
  hook().pass();
  pools().trim();
  EXPECT_EQ(pools().report().abandoned_bytes, 0u);
  EXPECT_EQ(pools().report().pinned_bytes, 0u);
}

TEST_P(Pinned, AFailedAllocationCountsNothing) {
  hook().fail(Symbol::k_cuMemHostAlloc, CUDA_ERROR_OUT_OF_MEMORY);
  const auto refused = pools().pinned().lend(kBlock);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_EQ(pools().pinned().bytes(), 0u);
  hook().fail(Symbol::k_cuMemHostAlloc, CUDA_ERROR_UNKNOWN);
  const auto failed = pools().pinned().lend(kBlock);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kDriver);
}

}  // namespace
}  // namespace etrt::memory
