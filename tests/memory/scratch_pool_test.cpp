// Scratch memory, which what runs on a stream shares: whose it is at each moment, and what a failure leaves of it.

#include <condition_variable>
#include <memory_fixture.h>
#include <thread>

#include <etrt/options.h>

namespace etrt::memory {
namespace {

constexpr std::size_t kSmall = 1024;
constexpr std::size_t kLarge = 16384;

class ScratchMemory : public MemoryFixture {
 protected:
  Result<ScratchPool::Lease> lease(ScratchPool::Ref& ref, const cuda::Stream& stream, std::size_t bytes) {
    return pools().scratch().lease(ref, stream.get(), id_of(stream), bytes);
  }
  /// A slot's call, in flight on return.
  void call(ScratchPool::Ref& ref, const cuda::Stream& stream, std::size_t bytes, CUevent done = nullptr) {
    const auto held = must(lease(ref, stream, bytes));
    use(stream, held.address, static_cast<std::uint32_t>(bytes / 4));
    if (done == nullptr) return;
    ASSERT_THAT(driver().cuEventRecord(done, stream.get()), is_ok());
    ref.used_until(done);
  }
  std::size_t held() { return pools().scratch().bytes(); }

  std::uint64_t id_of(const cuda::Stream& stream) const {
    unsigned long long id = 0;
    EXPECT_THAT(driver().cuStreamGetId(stream.get(), &id), is_ok());
    return id;
  }
};
ETRT_ON_EVERY_PROVIDER(ScratchMemory);

TEST_P(ScratchMemory, IsNotFreedUnderAnotherThreadsCall) {
  const auto stream = create_stream();
  ScratchPool::Ref first;
  ScratchPool::Ref second;
  call(first, stream, kSmall);
  std::mutex mutex;
  std::condition_variable changed;
  bool freed = false;
  hook().on_call = [&](Symbol symbol) {
    if (symbol != Symbol::k_cuMemFreeAsync) return;
    const std::lock_guard lock(mutex);
    freed = true;
    changed.notify_all();
  };
  // This call has its address and has not enqueued its work; another wants a larger piece on the same stream.
  auto held = must(lease(first, stream, kSmall));
  std::thread other([&] { call(second, stream, kLarge); });
  {
    std::unique_lock lock(mutex);
    EXPECT_FALSE(changed.wait_for(lock, std::chrono::milliseconds(50), [&] { return freed; }));
  }
  use(stream, held.address);
  held = {};
  other.join();
  EXPECT_TRUE(freed);
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(ScratchMemory, OfASlotThatEndsStaysWithTheOneThatUsesItNow) {
  const auto stream = create_stream();
  auto gone = std::make_unique<ScratchPool::Ref>();
  ScratchPool::Ref stays;
  call(*gone, stream, kSmall);
  auto gate = close_gate(stream.get());
  call(stays, stream, kSmall);
  const auto frees = hook().count(Symbol::k_cuMemFreeAsync);
  gone.reset();
  EXPECT_EQ(hook().count(Symbol::k_cuMemFreeAsync), frees);
  EXPECT_EQ(held(), kSmall);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(ScratchMemory, IsAsBeforeAfterAGrowthThatFailed) {
  const auto stream = create_stream();
  ScratchPool::Ref ref;
  call(ref, stream, kSmall);
  int allocations = 0;
  hook().on_call = [&](Symbol symbol) {
    if (symbol != Symbol::k_cuMemAllocAsync) return;
    // The larger piece is refused, the old size is had again.
    if (++allocations == 1) {
      hook().fail(symbol, CUDA_ERROR_OUT_OF_MEMORY);
    } else {
      hook().pass();
    }
  };
  const auto refused = lease(ref, stream, kLarge);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(refused.error().message(), HasSubstr("16384"));
  EXPECT_EQ(held(), kSmall);
  call(ref, stream, kSmall);
  call(ref, stream, kLarge);
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(ScratchMemory, ServesAgainAfterEverythingWasRefused) {
  const auto stream = create_stream();
  ScratchPool::Ref ref;
  call(ref, stream, kSmall);
  hook().fail(Symbol::k_cuMemAllocAsync, CUDA_ERROR_OUT_OF_MEMORY);
  ASSERT_FALSE(lease(ref, stream, kLarge).ok());
  EXPECT_EQ(held(), 0u);
  EXPECT_EQ(pools().report().device_bytes, 0u);
  hook().pass();
  call(ref, stream, kSmall);
  EXPECT_EQ(held(), kSmall);
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(ScratchMemory, GrowsWithoutNeedingOldAndNewAtOnce) {
  ASSERT_THAT(pools().apply({kLarge, std::nullopt}), is_ok());
  const auto stream = create_stream();
  ScratchPool::Ref ref;
  call(ref, stream, kSmall);
  call(ref, stream, kLarge);
  EXPECT_EQ(held(), kLarge);
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(ScratchMemory, ThatIsIdleMakesRoomForOthers) {
  ASSERT_THAT(pools().apply({kLarge, std::nullopt}), is_ok());
  const auto event = create_event();
  const auto one = create_stream();
  const auto two = create_stream();
  ScratchPool::Ref first;
  ScratchPool::Ref second;
  call(first, one, kLarge, event.get());
  ASSERT_THAT(synchronize(one), is_ok());
  call(second, two, kLarge);
  EXPECT_EQ(held(), kLarge);
  ASSERT_THAT(synchronize(two), is_ok());
}

TEST_P(ScratchMemory, InUseIsNotTakenForOthers) {
  ASSERT_THAT(pools().apply({kLarge, std::nullopt}), is_ok());
  const auto event = create_event();
  const auto one = create_stream();
  const auto two = create_stream();
  ScratchPool::Ref first;
  ScratchPool::Ref second;
  // Done once, and again in use.
  call(first, one, kLarge, event.get());
  ASSERT_THAT(synchronize(one), is_ok());
  auto gate = close_gate(one.get());
  call(first, one, kLarge);
  auto refused = lease(second, two, kLarge);
  ASSERT_FALSE(refused.ok()) << "the call has not said until when it uses the memory";
  EXPECT_EQ(refused.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(refused.error().message(), AllOf(HasSubstr(kOptionDeviceMemoryLimit), HasSubstr("16384")));
  ASSERT_THAT(driver().cuEventRecord(event.get(), one.get()), is_ok());
  first.used_until(event.get());
  EXPECT_FALSE(lease(second, two, kLarge).ok()) << "the call's work is in flight";
  gate.open();
  ASSERT_THAT(synchronize(one), is_ok());
  EXPECT_THAT(lease(second, two, kLarge), is_ok());
  ASSERT_THAT(synchronize(two), is_ok());
}

TEST_P(ScratchMemory, IsCountedWithoutWaitingForACall) {
  const auto stream = create_stream();
  ScratchPool::Ref ref;
  const auto in_a_call = must(lease(ref, stream, kSmall));
  EXPECT_EQ(pools().report().scratch_bytes, kSmall);
  ASSERT_THAT(synchronize(stream), is_ok());
}

TEST_P(ScratchMemory, OfWorkThatNobodyCouldWaitForIsNeverFreed) {
  const auto stream = create_stream();
  CUdeviceptr address = 0;
  {
    ScratchPool::Ref ref;
    address = must(lease(ref, stream, kSmall)).address;
    ref.abandon();
  }
  EXPECT_EQ(pools().report().abandoned_bytes, kSmall);
  pools().trim();
  EXPECT_EQ(hook().count(Symbol::k_cuMemFreeAsync) + hook().count(Symbol::k_cuMemFree), 0u);
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(driver().cuMemFree(address), is_ok());
}

}  // namespace
}  // namespace etrt::memory
