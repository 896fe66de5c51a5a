// Memory that the delegate gives to execution contexts: one piece a stream, shared by all that runs there.

#include <delegate_fixture.h>

#include <process/process.h>

namespace etrt::test {
namespace {

using Values = std::vector<std::int32_t>;

class Scratch : public DelegateTest {
 protected:
  /// A handle for [rows, 4] whose context needs 16 bytes a row.
  std::unique_ptr<delegate::Handle> load_needy(int max_inflight = 4) const {
    KernelPlan plan = KernelPlan::dynamic(1, 1024);
    plan.caller_gives_memory = true;
    return load(plan, max_inflight);
  }
  std::size_t held() const { return process::Process::instance().memory().of(device().native()).scratch().bytes(); }
};
ETRT_ON_EVERY_DEVICE(Scratch);

TEST_P(Scratch, OfAStreamIsSharedByAllHandlesThatRunOnIt) {
  const auto small = load_needy();
  const auto large = load_needy();
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  DeviceTensor large_in(device(), {64, 4}, 5);
  DeviceTensor large_out(device(), {64, 4}, 0);
  const Stream stream = create_stream();
  run_on(stream, *small, in, out);
  EXPECT_EQ(held(), 2u * 16);
  run_on(stream, *large, large_in, large_out);
  run_on(stream, *small, in, out);
  EXPECT_EQ(held(), 64u * 16);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
  EXPECT_EQ(large_out.read(), Values(256, 6));
}

TEST_P(Scratch, GrowsInStreamOrderWithoutAHostWait) {
  const auto handle = load_needy();
  const Stream stream = create_stream();
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  DeviceTensor large_in(device(), {64, 4}, 5);
  DeviceTensor large_out(device(), {64, 4}, 0);
  run_on(stream, *handle, in, out);
  auto gate = close_gate(stream);
  run_on(stream, *handle, in, out);
  const auto waits = host_waits();
  run_on(stream, *handle, large_in, large_out);
  EXPECT_EQ(host_waits(), waits);
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(large_out.read(), Values(256, 6));
}

TEST_P(Scratch, OfTwoStreamsInFlightIsTwoPieces) {
  const auto handle = load_needy();
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor first(device(), {2, 4}, 0);
  DeviceTensor second(device(), {2, 4}, 0);
  const Stream one = create_stream();
  const Stream two = create_stream();
  auto gate = close_gate(one);
  run_on(one, *handle, in, first);
  run_on(two, *handle, in, second);
  EXPECT_EQ(held(), 2u * 2 * 16);
  ASSERT_THAT(two.synchronize(), is_ok());
  EXPECT_EQ(second.read(), Values(8, 6));
  gate.open();
  ASSERT_THAT(one.synchronize(), is_ok());
}

TEST_P(Scratch, GoesAlongWhenTheOnlySlotChangesStreams) {
  const auto handle = load_needy(1);
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream one = create_stream();
  const Stream two = create_stream();
  run_on(one, *handle, in, out);
  const auto allocations = calls(Symbol::k_cuMemAllocAsync);
  for (int i = 0; i < 8; ++i) run_on(i % 2 == 0 ? two : one, *handle, in, out);
  EXPECT_EQ(calls(Symbol::k_cuMemAllocAsync), allocations);
  EXPECT_EQ(held(), 2u * 16);
  ASSERT_THAT(one.synchronize(), is_ok());
}

TEST_P(Scratch, StaysWithAStreamThatOthersStillUseWhenASlotThatUsedItEarlierLeaves) {
  const auto leaver = load_needy(1);
  const auto stayer = load_needy(1);
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor first(device(), {2, 4}, 0);
  DeviceTensor second(device(), {2, 4}, 0);
  const Stream one = create_stream();
  const Stream two = create_stream();
  run_on(one, *leaver, in, first);
  auto gate = close_gate(one);
  run_on(one, *stayer, in, second);
  run_on(two, *leaver, in, first);
  EXPECT_EQ(held(), 2u * 2 * 16);
  gate.open();
  ASSERT_THAT(one.synchronize(), is_ok());
  ASSERT_THAT(two.synchronize(), is_ok());
  EXPECT_EQ(second.read(), Values(8, 6));
}

TEST_P(Scratch, OfAGraphIsItsOwn) {
  const auto captured = load_needy();
  const auto other = load_needy();
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor from_graph(device(), {2, 4}, 0);
  DeviceTensor from_other(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  const Stream elsewhere = create_stream();
  run_on(stream, *captured, in, from_graph);
  const auto exec = capture(stream, [&] { run_on(stream, *captured, in, from_graph); });
  // The graph runs behind the stream's work so far, and beside what comes there later.
  ASSERT_THAT(stream.synchronize(), is_ok());
  auto gate = close_gate(elsewhere);
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), elsewhere.get()), is_ok());
  run_on(stream, *other, in, from_other);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(from_other.read(), Values(8, 6));
  gate.open();
  ASSERT_THAT(elsewhere.synchronize(), is_ok());
  EXPECT_EQ(from_graph.read(), Values(8, 6));
}

TEST_P(Scratch, CostsNoDriverCallAtSteadyState) {
  const auto handle = load_needy();
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  hook().counter.reset();
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  // The engine's enqueue, one record, one check each of context and capture, and where the two tensors are.
  EXPECT_EQ(hook().counter.total(), calls(Symbol::k_cuLaunchKernel) + 3 + 2);
  ASSERT_THAT(stream.synchronize(), is_ok());
}

TEST_P(Scratch, IsGivenBackWithTheHandles) {
  auto first = load_needy();
  auto second = load_needy();
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  run_on(stream, *first, in, out);
  run_on(stream, *second, in, out);
  first.reset();
  second.reset();
  EXPECT_EQ(held(), 0u);
}

}  // namespace
}  // namespace etrt::test
