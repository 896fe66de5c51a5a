// Which execution context a call gets, and what it waits for.

#include <delegate_fixture.h>
#include <new>

#include <delegate/slots/slot_pool.h>

namespace etrt::test {
namespace {

class Slots : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(Slots);

using Values = std::vector<std::int32_t>;

TEST_P(Slots, ReuseOnTheSameStreamNeverBlocksTheHost) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  run_on(stream, *handle, in, out);
  auto gate = close_gate(stream);
  const auto waits = host_waits();
  for (int i = 0; i < 16; ++i) run_on(stream, *handle, in, out);
  EXPECT_EQ(host_waits(), waits);
  EXPECT_EQ(handle->slot_count(), 1u);
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
}

TEST_P(Slots, AnotherStreamGetsASlotOfItsOwnWhileTheFirstIsBusy) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 2);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor first(device(), {8}, 0);
  DeviceTensor second(device(), {8}, 0);
  const Stream busy = create_stream();
  const Stream free = create_stream();
  run_on(busy, *handle, in, first);
  run_on(free, *handle, in, second);
  ASSERT_THAT(busy.synchronize(), is_ok());
  ASSERT_THAT(free.synchronize(), is_ok());
  auto gate = close_gate(busy);
  run_on(busy, *handle, in, first);
  run_on(free, *handle, in, second);
  EXPECT_THAT(free.synchronize(), is_ok());
  EXPECT_FALSE(must(busy.is_done()));
  EXPECT_EQ(second.read(), Values(8, 6));
  gate.open();
  ASSERT_THAT(busy.synchronize(), is_ok());
}

TEST_P(Slots, AnIdleSlotIsTakenBeforeANewOneIsMade) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 4);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  for (int i = 0; i < 3; ++i) {
    const Stream stream = create_stream();
    run_on(stream, *handle, in, out);
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  EXPECT_EQ(handle->slot_count(), 1u);
}

TEST_P(Slots, PastTheLimitTheOldestIsOrderedOnTheDeviceAndTheHostDoesNotWait) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor first(device(), {8}, 0);
  DeviceTensor second(device(), {8}, 0);
  const Stream one = create_stream();
  const Stream two = create_stream();
  run_on(one, *handle, in, first);
  run_on(two, *handle, in, second);
  ASSERT_THAT(two.synchronize(), is_ok());
  auto gate = close_gate(one);
  run_on(one, *handle, in, first);
  const auto waits = host_waits();
  const auto device_waits = calls(Symbol::k_cuStreamWaitEvent);
  run_on(two, *handle, in, second);
  EXPECT_EQ(host_waits(), waits);
  EXPECT_EQ(calls(Symbol::k_cuStreamWaitEvent), device_waits + 1);
  EXPECT_FALSE(must(two.is_done())) << "the second call overtook the context it shares";
  EXPECT_EQ(handle->slot_count(), 1u);
  gate.open();
  ASSERT_THAT(two.synchronize(), is_ok());
  EXPECT_EQ(second.read(), Values(8, 6));
}

TEST_P(Slots, AStreamThatIsGoneLeavesItsSlotToOthers) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  for (int i = 0; i < 3; ++i) {
    const Stream stream = create_stream();
    for (int k = 0; k < 3; ++k) run_on(stream, *handle, in, out);
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  EXPECT_EQ(handle->slot_count(), 1u);
}

TEST_P(Slots, ThatCannotBeMadeLeaveNoPlaceBehind) {
  delegate::SlotPool pool(device().native(), 1,
                          []() -> Result<std::unique_ptr<delegate::Slot>> { throw std::bad_alloc(); });
  const Stream stream = create_stream();
  const auto leased = pool.lease({{cuda::StreamRef(stream.get()), 1, true, false}, {}});
  ASSERT_FALSE(leased.ok());
  EXPECT_EQ(leased.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_EQ(pool.size(), 0u);
}

TEST_P(Slots, AreNeverMoreThanTheLimitHoweverBusyTheStreams) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor first(device(), {8}, 0);
  DeviceTensor second(device(), {8}, 0);
  const Stream one = create_stream();
  const Stream two = create_stream();
  auto gate = close_gate(one);
  for (int i = 0; i < 3; ++i) run_on(one, *handle, in, first);
  run_on(two, *handle, in, second);
  EXPECT_EQ(handle->slot_count(), 1u);
  EXPECT_FALSE(must(two.is_done()));
  gate.open();
  ASSERT_THAT(two.synchronize(), is_ok());
  EXPECT_EQ(second.read(), Values(8, 6));
}

TEST_P(Slots, AChangeOfShapePrefersAnotherSlotToWaiting) {
  const auto handle = load(KernelPlan::dynamic(1, 16), 2);
  DeviceTensor small_in(device(), {2, 4}, 5);
  DeviceTensor small_out(device(), {2, 4}, 0);
  DeviceTensor large_in(device(), {16, 4}, 7);
  DeviceTensor large_out(device(), {16, 4}, 0);
  const Stream stream = create_stream();
  const Stream other = create_stream();
  // Two slots, made before the gate closes.
  DeviceTensor warm_out(device(), {2, 4}, 0);
  auto warm = close_gate(other);
  run_on(other, *handle, small_in, warm_out);
  run_on(stream, *handle, small_in, small_out);
  warm.open();
  ASSERT_THAT(other.synchronize(), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  ASSERT_EQ(handle->slot_count(), 2u);

  auto gate = close_gate(stream);
  run_on(stream, *handle, small_in, small_out);
  const auto waits = host_waits();
  run_on(stream, *handle, large_in, large_out);
  EXPECT_EQ(host_waits(), waits);
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(large_out.read(), Values(64, 8));
}

TEST_P(Slots, TwoThreadsShareAHandleEachOnItsStream) {
  const auto handle = load(KernelPlan::fixed(1, {64}), 4);
  const auto body = [&](std::int32_t value) {
    DeviceTensor in(device(), {64}, value);
    DeviceTensor out(device(), {64}, 0);
    const Stream stream = create_stream();
    const StreamGuard guard(stream.get());
    for (int i = 0; i < 100; ++i) ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
    EXPECT_EQ(out.read(), Values(64, value + 1));
  };
  std::thread one(body, 1);
  std::thread two(body, 1000);
  one.join();
  two.join();
  EXPECT_LE(handle->slot_count(), 4u);
}

TEST_P(Slots, ManyThreadsWithoutAGuardShareOneSlotCorrectly) {
  const auto handle = load(KernelPlan::fixed(1, {64}), 1);
  std::vector<std::thread> threads;
  for (std::int32_t t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      HostTensor in({64}, t);
      HostTensor out({64}, 0);
      for (int i = 0; i < 50; ++i) {
        ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
        ASSERT_EQ(out.values, Values(64, t + 1));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_P(Slots, OneEngineServesEveryHandleOfTheSameBytes) {
  const auto before = support::kernel_engine_counts();
  const auto one = load(KernelPlan::fixed(1, {8}));
  const auto two = load(KernelPlan::fixed(1, {8}));
  const auto other = load(KernelPlan::fixed(1, {9}));
  EXPECT_EQ(one->engine(), two->engine());
  EXPECT_NE(one->engine(), other->engine());
  EXPECT_EQ(support::kernel_engine_counts().engines_loaded - before.engines_loaded, 2);
}

TEST_P(Slots, ThatCannotBeMadeAreNoFailureOfTheCallWhileThereIsAnother) {
  const auto handle = load(KernelPlan::fixed(1, {16}));
  DeviceTensor in(device(), {16}, 5);
  DeviceTensor first(device(), {16}, 0);
  DeviceTensor second(device(), {16}, 0);
  const Stream one = create_stream();
  const Stream two = create_stream();
  auto gate = close_gate(one);
  run_on(one, *handle, in, first);
  hook().faults.fail(Symbol::k_cuEventCreate, 1, CUDA_ERROR_OUT_OF_MEMORY);
  const auto waits = calls(Symbol::k_cuEventSynchronize);
  run_on(two, *handle, in, second);
  EXPECT_EQ(hook().faults.delivered(), 1u);
  hook().faults.clear();
  EXPECT_EQ(calls(Symbol::k_cuEventSynchronize), waits) << "it is ordered behind the other on the device";
  EXPECT_FALSE(must(two.is_done()));
  run_on(two, *handle, in, second);
  EXPECT_EQ(handle->slot_count(), 1u) << "the pool remembers what could be made";
  gate.open();
  ASSERT_THAT(two.synchronize(), is_ok());
  ASSERT_THAT(one.synchronize(), is_ok());
  EXPECT_EQ(second.read(), Values(16, 6));
}

TEST_P(Slots, WhoseScratchMemoryDoesNotFitLeaveTheCallToAnother) {
  KernelPlan plan = KernelPlan::dynamic(1, 64);
  plan.caller_gives_memory = true;
  const auto handle = load(plan);
  DeviceTensor in(device(), {64, 4}, 5);
  DeviceTensor first(device(), {64, 4}, 0);
  DeviceTensor second(device(), {64, 4}, 0);
  const Stream one = create_stream();
  const Stream two = create_stream();
  auto gate = close_gate(one);
  run_on(one, *handle, in, first);
  hook().faults.fail(Symbol::k_cuMemAllocAsync, 1, CUDA_ERROR_OUT_OF_MEMORY);
  run_on(two, *handle, in, second);
  EXPECT_EQ(hook().faults.delivered(), 1u);
  hook().faults.clear();
  EXPECT_FALSE(must(two.is_done()));
  EXPECT_EQ(handle->slot_count(), 1u);
  gate.open();
  ASSERT_THAT(two.synchronize(), is_ok());
  ASSERT_THAT(one.synchronize(), is_ok());
  EXPECT_EQ(second.read(), Values(64 * 4, 6));
}

TEST_P(Slots, RefuseShapesThatTheyRefusedBefore) {
  KernelPlan plan;
  plan.inputs = {{"cache", {1, 4}, {8, 4}}, {"x", {1, 4}, {8, 4}}};
  plan.outputs = {{"out", 1, 1}};
  const auto handle = must(try_load(blob_of(plan, {{.output = "out", .input = "cache", .kind = "user"}})));
  DeviceTensor cache(device(), {2, 4}, 5);
  DeviceTensor x(device(), {3, 4}, 5);
  DeviceTensor out(device(), {3, 4}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  const std::vector<EValue*> arguments{cache.tensor.value(), x.tensor.value(), out.tensor.value()};
  for (int i = 0; i < 3; ++i) EXPECT_THAT(execute(*handle, arguments), fails_with(ErrorCode::kInvalidData)) << i;
}

}  // namespace
}  // namespace etrt::test
