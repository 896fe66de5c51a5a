// A driver call fails in the middle. Nothing may be lost, leaked, or in flight behind the error.

#include <delegate_fixture.h>
#include <thread>

#include <etrt/report.h>

namespace etrt::test {
namespace {

class Faults : public DelegateTest {
 protected:
  /// Runs `body` with the first, second, ... driver call failing until it gets through unharmed. Returns how many calls
  /// were made to fail.
  template <class Body>
  int sweep(CUresult code, Body&& body) {
    for (int nth = 1; nth <= 500; ++nth) {
      hook().faults.clear();
      hook().faults.fail_any(static_cast<std::uint64_t>(nth), code);
      const bool delivered = body(nth);
      hook().faults.clear();
      if (!delivered) return nth - 1;
    }
    ADD_FAILURE() << "500 calls and no end";
    return 500;
  }
};
ETRT_ON_EVERY_DEVICE(Faults);

using Values = std::vector<std::int32_t>;

TEST_P(Faults, OfEachCallInLoadLeaveNothingBehind) {
  const auto blob = blob_of(KernelPlan::fixed(2, {8}));
  const auto before = support::kernel_engine_counts();
  const Held held = held_by_virtual_gpu();
  const int failed = sweep(CUDA_ERROR_OUT_OF_MEMORY, [&](int) {
    auto handle = try_load(blob);
    const bool delivered = hook().faults.delivered() > 0;
    EXPECT_TRUE(delivered || handle.ok());
    hook().faults.clear();
    if (!handle.ok()) {
      const auto now = support::kernel_engine_counts();
      EXPECT_EQ(now.engines_alive, before.engines_alive);
      EXPECT_EQ(now.contexts_alive, before.contexts_alive);
      EXPECT_EQ(held_by_virtual_gpu().allocations, held.allocations);
      EXPECT_EQ(held_by_virtual_gpu().handles, held.handles);
    }
    return delivered;
  });
  EXPECT_GT(failed, 3);
}

TEST_P(Faults, OfEachCallInAGuardedCallAreReportedAndLeaveNothingInFlight) {
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const auto handle = load(KernelPlan::fixed(1, {8}));
  const Stream stream = create_stream();
  const int failed = sweep(CUDA_ERROR_UNKNOWN, [&](int nth) {
    const StreamGuard guard(stream.get());
    const Status status = execute(*handle, in.tensor, out.tensor);
    const bool delivered = hook().faults.delivered() > 0;
    const Symbol last = hook().faults.last();
    hook().faults.clear();
    if (delivered && !status.ok()) {
      EXPECT_TRUE(must(stream.is_done())) << "call " << nth << ", " << cuda::name(last) << ": work was left in flight";
    }
    EXPECT_THAT(stream.synchronize(), is_ok());
    EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok()) << "after " << cuda::name(last);
    EXPECT_THAT(stream.synchronize(), is_ok());
    EXPECT_EQ(out.read(), Values(8, 6)) << "after " << cuda::name(last);
    return delivered;
  });
  EXPECT_GT(failed, 3);
}

TEST_P(Faults, OfEachCallInAStagedCallAreReportedAndLeaveNothingInFlight) {
  HostTensor in({8}, 5);
  HostTensor out({8}, 0);
  const Stream stream = create_stream();
  for (const bool warm : {false, true}) {
    auto handle = load(KernelPlan::fixed(1, {8}));
    sweep(CUDA_ERROR_UNKNOWN, [&](int) {
      const StreamGuard guard(stream.get());
      const Status status = execute(*handle, in.tensor, out.tensor);
      const bool delivered = hook().faults.delivered() > 0;
      const Symbol last = hook().faults.last();
      hook().faults.clear();
      if (status.ok()) {
        EXPECT_EQ(out.values, Values(8, 6)) << cuda::name(last);
      } else {
        EXPECT_TRUE(must(stream.is_done())) << cuda::name(last) << ": work was left in flight";
      }
      out.values.assign(8, 0);
      if (!warm) handle = load(KernelPlan::fixed(1, {8}));
      EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok()) << "after " << cuda::name(last);
      EXPECT_EQ(out.values, Values(8, 6)) << "after " << cuda::name(last);
      return delivered;
    });
  }
}

TEST_P(Faults, AfterTheEnqueueAreReturnedOnlyOnceTheWorkHasRun) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());

  auto gate = close_gate(stream);
  hook().faults.fail(Symbol::k_cuEventRecord, 1, CUDA_ERROR_UNKNOWN);
  std::thread opener([&] {
    gate.wait_until_reached();
    gate.open();
  });
  const Status status = execute(*handle, in.tensor, out.tensor);
  const bool done = must(stream.is_done());
  opener.join();
  EXPECT_THAT(status, fails_with(ErrorCode::kDriver));
  EXPECT_TRUE(done);
}

TEST_P(Faults, WhenTheStreamCannotBeWaitedForTheContextIs) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 5);
  HostTensor out({8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  hook().faults.fail(Symbol::k_cuStreamSynchronize, 1, CUDA_ERROR_UNKNOWN);
  hook().faults.fail(Symbol::k_cuStreamSynchronize, 2, CUDA_ERROR_UNKNOWN);
  const auto context_waits = calls(Symbol::k_cuCtxSynchronize);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kDriver));
  EXPECT_EQ(calls(Symbol::k_cuCtxSynchronize), context_waits + 1);
  EXPECT_TRUE(must(stream.is_done()));
}

TEST_P(Faults, AnEngineThatDoesNotLoadOrMakeContextsLeavesNothing) {
  auto plan = KernelPlan::fixed(1, {8});
  plan.fails_to_load = true;
  EXPECT_THAT(try_load(blob_of(plan)), fails_with(ErrorCode::kInvalidData));
  plan.fails_to_load = false;
  plan.fails_to_make_contexts = true;
  EXPECT_THAT(try_load(blob_of(plan)), fails_with(ErrorCode::kOutOfMemory));
}

TEST_P(Faults, OfTheOneWaitInDestroyLeaveItToTheNextStrongerOne) {
  auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  hook().faults.fail(Symbol::k_cuEventSynchronize, 1, CUDA_ERROR_UNKNOWN);
  const auto context_waits = calls(Symbol::k_cuCtxSynchronize);
  std::thread opener([&] {
    while (calls(Symbol::k_cuCtxSynchronize) == context_waits) std::this_thread::yield();
    gate.open();
  });
  handle.reset();
  EXPECT_TRUE(must(stream.is_done()));
  opener.join();
}

TEST_P(Faults, OfEveryWaitInDestroyLeaveItsMemoryToTheWork) {
  expect_abandoned_programs();
  auto handle = load(KernelPlan::fixed(1, {24}));
  DeviceTensor in(device(), {24}, 5);
  DeviceTensor out(device(), {24}, 0);
  const Stream stream = create_stream();
  const std::size_t abandoned = report().abandoned_programs;
  const int contexts = support::kernel_engine_counts().contexts_alive;
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  hook().faults.fail(Symbol::k_cuEventSynchronize, 1, CUDA_ERROR_UNKNOWN);
  hook().faults.fail(Symbol::k_cuCtxSynchronize, 1, CUDA_ERROR_UNKNOWN);
  handle.reset();
  hook().faults.clear();
  EXPECT_EQ(support::kernel_engine_counts().contexts_alive, contexts);
  EXPECT_EQ(report().abandoned_programs, abandoned + 1);
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(24, 6)) << "the work had all that it needed";
}

TEST_P(Faults, OfEveryWaitInACallTakeItsContextOutOfUse) {
  expect_abandoned_programs();
  auto handle = load(KernelPlan::fixed(1, {25}), 1);
  HostTensor in({25}, 5);
  HostTensor out({25}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  for (int nth : {1, 2}) hook().faults.fail(Symbol::k_cuStreamSynchronize, nth, CUDA_ERROR_UNKNOWN);
  hook().faults.fail(Symbol::k_cuCtxSynchronize, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kDriver));
  hook().faults.clear();
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok()) << "another context takes its place";
  EXPECT_EQ(out.values, Values(25, 6));
  EXPECT_EQ(handle->slot_count(), 2u);
}

}  // namespace
}  // namespace etrt::test
