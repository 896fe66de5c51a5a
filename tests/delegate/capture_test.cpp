// execute() on a stream in capture.

#include <atomic>
#include <delegate_fixture.h>

#include <etrt/graph.h>

namespace etrt::test {
namespace {

class Capture : public DelegateTest {
 protected:
  /// The error of a call in capture, and that the capture lives on.
  ErrorCode refused(delegate::Handle& handle, TestTensor& in, TestTensor& out, const Stream& stream) {
    begin_capture(stream);
    Status status;
    {
      const StreamGuard guard(stream.get());
      status = execute(handle, in, out);
    }
    EXPECT_FALSE(status.ok());
    end_capture(stream);
    return status.ok() ? ErrorCode::kInternal : status.error().code();
  }
};
ETRT_ON_EVERY_DEVICE(Capture);

using Values = std::vector<std::int32_t>;

TEST_P(Capture, TakesAWarmedCallOnDeviceMemoryAndReplaysIt) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());

  const auto exec = capture(stream, [&] { ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok()); });
  DeviceTensor other(device(), {8}, 70);
  ASSERT_THAT(in.buffer.copy_from_host(other.read().data(), in.buffer.size(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 71));
}

TEST_P(Capture, TakesSeveralCallsInOneCapture) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor a(device(), {8}, 5);
  DeviceTensor b(device(), {8}, 0);
  const Stream stream = create_stream();
  const auto both = [&] {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, a.tensor, b.tensor), is_ok());
    ASSERT_THAT(execute(*handle, b.tensor, a.tensor), is_ok());
  };
  both();
  ASSERT_THAT(stream.synchronize(), is_ok());
  const auto exec = capture(stream, both);
  for (int i = 0; i < 3; ++i) ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(a.read(), Values(8, 5 + 4 * 2));
}

TEST_P(Capture, MayBeginInsideOfAGuard) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  begin_capture(stream);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  end_capture(stream);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
}

TEST_P(Capture, MayEndInsideOfAGuard) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  const Stream stream = create_stream();
  begin_capture(stream);
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  end_capture(stream);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Capture, TakesACallOnAStreamWhereTheHandleNeverRanWhenAContextIsWarmAndIdle) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  const Stream stream = create_stream();
  begin_capture(stream);
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  const cuda::Graph graph = end_capture(stream);
  const auto exec = must(cuda::create_graph_exec(driver(), graph));
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Capture, KeepsItsContextFromOtherStreams) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 2);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  DeviceTensor other_out(device(), {8}, 0);
  const Stream stream = create_stream();
  const Stream other = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
    begin_capture(stream);
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  const cuda::Graph graph = end_capture(stream);
  const auto exec = must(cuda::create_graph_exec(driver(), graph));
  {
    // Warm the other stream's context before the gate closes.
    const StreamGuard guard(other.get());
    ASSERT_THAT(execute(*handle, in.tensor, other_out.tensor), is_ok());
    ASSERT_THAT(other.synchronize(), is_ok());
  }
  auto gate = close_gate(stream);
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  {
    const StreamGuard guard(other.get());
    ASSERT_THAT(execute(*handle, in.tensor, other_out.tensor), is_ok());
  }
  EXPECT_THAT(other.synchronize(), is_ok());
  EXPECT_EQ(other_out.read(), Values(8, 6));
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
}

TEST_P(Capture, KeepsItsContextFromDirectCallsToo) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  DeviceTensor other_out(device(), {8}, 0);
  const Stream stream = create_stream();
  const Stream launcher = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  const auto exec = capture(stream, [&] { ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok()); });
  ASSERT_THAT(execute(*handle, in.tensor, other_out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());

  auto gate = close_gate(launcher);
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), launcher.get()), is_ok());
  ASSERT_THAT(execute(*handle, in.tensor, other_out.tensor), is_ok());
  EXPECT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(other_out.read(), Values(8, 6));
  gate.open();
  ASSERT_THAT(launcher.synchronize(), is_ok());
  EXPECT_EQ(handle->slot_count(), 2u);
}

TEST_P(Capture, LeavesDestroyToWaitForTheCallsBeforeIt) {
  auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  std::optional<StreamGuard> guard(std::in_place, stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  auto gate = close_gate(stream);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  begin_capture(stream);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  end_capture(stream);
  guard.reset();
  gate.open();
  handle.reset();
  EXPECT_TRUE(must(stream.is_done()));
}

TEST_P(Capture, LeavesTheEventsOfEarlierCallsOutside) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream earlier = create_stream();
  const Stream stream = create_stream();
  const Stream reader = create_stream();
  const StreamGuard guard(earlier.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  const cudaEvent_t completion = *last_completion();
  ASSERT_THAT(earlier.synchronize(), is_ok());
  begin_capture(stream);
  {
    const StreamGuard captured(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_NE(*last_completion(), completion);
  }
  ASSERT_THAT(reader.wait(completion), is_ok());
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_ACTIVE;
  EXPECT_THAT(driver().cuStreamIsCapturing(reader.get(), &status), is_ok());
  EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_NONE);
  end_capture(stream);
}

TEST_P(Capture, ThatRefusesACallCostsNoContext) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  HostTensor host({8}, 5);
  for (int i = 0; i < 4; ++i) {
    const Stream stream = create_stream();
    {
      const StreamGuard guard(stream.get());
      ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
      ASSERT_THAT(stream.synchronize(), is_ok());
    }
    EXPECT_EQ(refused(*handle, host.tensor, out.tensor, stream), ErrorCode::kInvalidState);
  }
  EXPECT_EQ(handle->slot_count(), 1u);
}

TEST_P(Capture, ThatTheEngineRefusesLeavesItsContextAsItWas) {
  const auto limits = device().partition_limits();
  if (!limits.ok()) GTEST_SKIP() << limits.error().message();
  KernelPlan plan = KernelPlan::fixed(1, {8});
  plan.auxiliary_streams = 1;
  const auto handle = load(plan, 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  const auto partitions = must(Partition::split(device(), {limits->minimum}));
  const Stream confined = must(partitions[0].create_stream());
  EXPECT_EQ(refused(*handle, in.tensor, out.tensor, confined), ErrorCode::kInvalidState);
  const StreamGuard guard(stream.get());
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(handle->slot_count(), 1u);
  ASSERT_THAT(stream.synchronize(), is_ok());
}

TEST_P(Capture, WaitsForTheCallInFlightWhenItsGuardCannotTellWhichStreamItIs) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  const auto waits = calls(Symbol::k_cuEventSynchronize);
  std::atomic<bool> captured{false};
  std::thread opener([&] {
    while (!captured && calls(Symbol::k_cuEventSynchronize) == waits) std::this_thread::yield();
    gate.open();
  });
  begin_capture(stream);
  {
    const StreamGuard guard(stream.get());
    EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  captured = true;
  opener.join();
  end_capture(stream);
  EXPECT_EQ(calls(Symbol::k_cuEventSynchronize), waits + 1);
  ASSERT_THAT(stream.synchronize(), is_ok());
}

TEST_P(Capture, RefusesHostMemoryAndStaysValid) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor host({8}, 5);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(execute(*handle, host.tensor, out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  EXPECT_EQ(refused(*handle, host.tensor, out.tensor, stream), ErrorCode::kInvalidState);
  EXPECT_EQ(refused(*handle, in.tensor, host.tensor, stream), ErrorCode::kInvalidState);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok()) << "the handle is as good as before";
}

TEST_P(Capture, RefusesAShapeThatIsNotWarmAndStaysValid) {
  const auto handle = load(KernelPlan::dynamic(1, 8));
  DeviceTensor warm_in(device(), {2, 4}, 5);
  DeviceTensor warm_out(device(), {2, 4}, 0);
  DeviceTensor in(device(), {8, 4}, 5);
  DeviceTensor out(device(), {8, 4}, 0);
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, warm_in.tensor, warm_out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  EXPECT_EQ(refused(*handle, in.tensor, out.tensor, stream), ErrorCode::kInvalidState);
}

TEST_P(Capture, RefusesShapesThatWereSetByACallThatFailed) {
  const auto handle = load(KernelPlan::dynamic(1, 8));
  DeviceTensor in(device(), {8, 4}, 5);
  DeviceTensor out(device(), {8, 4}, 0);
  TestTensor nowhere({8, 4}, reinterpret_cast<void*>(16), TestTensor::Kind{.device = DeviceType::CUDA});
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_FALSE(execute(*handle, in.tensor, nowhere).ok());
  }
  EXPECT_EQ(refused(*handle, in.tensor, out.tensor, stream), ErrorCode::kInvalidState);
}

TEST_P(Capture, RefusesAHandleThatNeverRanAndStaysValid) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  EXPECT_EQ(refused(*handle, in.tensor, out.tensor, stream), ErrorCode::kInvalidState);
}

TEST_P(Capture, OfAnotherThreadIsNotDisturbed) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 2);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  DeviceTensor first_out(device(), {8}, 0);
  DeviceTensor second_out(device(), {8}, 0);
  HostTensor host({8}, 5);
  HostTensor host_out({8}, 0);
  const Stream captured = create_stream();
  const Stream one = create_stream();
  const Stream two = create_stream();
  {
    const StreamGuard guard(captured.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(captured.synchronize(), is_ok());
  }
  begin_capture(captured);
  std::thread([&] {
    // New slots, idle slots, staging and waits: all that a call may ask of the driver besides its enqueue.
    for (const auto& [stream, target] : {std::pair{&one, &first_out}, {&two, &second_out}}) {
      const StreamGuard guard(stream->get());
      EXPECT_THAT(execute(*handle, in.tensor, target->tensor), is_ok());
      EXPECT_THAT(execute(*handle, host.tensor, target->tensor), is_ok());
      EXPECT_THAT(execute(*handle, in.tensor, host_out.tensor), is_ok());
    }
    EXPECT_THAT(execute(*handle, host.tensor, host_out.tensor), is_ok());
    EXPECT_EQ(host_out.values, Values(8, 6));
  }).join();
  end_capture(captured);
  ASSERT_THAT(one.synchronize(), is_ok());
  ASSERT_THAT(two.synchronize(), is_ok());
}

TEST_P(Capture, OfAnotherThreadIsNotDisturbedByLoading) {
  const Stream captured = create_stream();
  begin_capture(captured);
  std::thread([&] { EXPECT_THAT(try_load(blob_of(KernelPlan::fixed(1, {8}))), is_ok()); }).join();
  end_capture(captured);
}

TEST_P(Capture, RefusesShapesThatNeverRanOnAContextThatRanWithOthers) {
  const auto handle = load(KernelPlan::dynamic(1, 8), 1);
  DeviceTensor warm_in(device(), {2, 4}, 5);
  DeviceTensor warm_out(device(), {2, 4}, 0);
  DeviceTensor in(device(), {8, 4}, 5);
  DeviceTensor out(device(), {8, 4}, 0);
  TestTensor nowhere({8, 4}, reinterpret_cast<void*>(16), TestTensor::Kind{.device = DeviceType::CUDA});
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, warm_in.tensor, warm_out.tensor), is_ok());
    ASSERT_FALSE(execute(*handle, in.tensor, nowhere).ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  EXPECT_EQ(refused(*handle, in.tensor, out.tensor, stream), ErrorCode::kInvalidState);
}

TEST_P(Capture, StaysValidWhenACallFailsInTheMiddleOfBeingCaptured) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  begin_capture(stream);
  hook().faults.fail(Symbol::k_cuLaunchKernel, 2, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kDriver));
  hook().faults.clear();
  end_capture(stream);
}

TEST_P(Capture, OfAnotherThreadIsNotDisturbedByACallThatFailsAfterItsEnqueue) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream captured = create_stream();
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  begin_capture(captured);
  std::thread([&] {
    const StreamGuard guard(stream.get());
    hook().faults.fail(Symbol::k_cuEventRecord, 1, CUDA_ERROR_UNKNOWN);
    EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kDriver));
    hook().faults.clear();
  }).join();
  end_capture(captured);
}

TEST_P(Capture, HasNoMoreContextsThanMayBeInFlightAndStaysValidBeyond) {
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream first = create_stream();
  const Stream second = create_stream();
  const auto capture_on = [&](const Stream& stream) {
    const StreamGuard guard(stream.get());
    EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_THAT(stream.synchronize(), is_ok());
    begin_capture(stream);
    const Status status = execute(*handle, in.tensor, out.tensor);
    const auto graph = end_capture(stream);
    return status;
  };
  std::optional<cuda::GraphExec> exec;
  {
    const StreamGuard guard(first.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(first.synchronize(), is_ok());
    exec.emplace(capture(first, [&] { ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok()); }));
  }
  const Status beyond = capture_on(second);
  ASSERT_THAT(beyond, fails_with(ErrorCode::kInvalidState));
  EXPECT_THAT(beyond.error().message(), ::testing::HasSubstr("raise max_inflight"));
  EXPECT_LE(handle->slot_count(), 2u);
  ASSERT_THAT(driver().cuGraphLaunch(exec->get(), first.get()), is_ok());
  ASSERT_THAT(first.synchronize(), is_ok());
}

TEST_P(Capture, GivesItsContextBackWhenTheGraphAndItsInstancesAreDestroyed) {
  if (!driver().has_user_objects()) GTEST_SKIP() << "the driver cannot tell when a graph ends";
  const auto handle = load(KernelPlan::fixed(1, {8}), 1);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  for (int i = 0; i < 5; ++i) {
    const Stream stream = create_stream();
    const StreamGuard guard(stream.get());
    // CUDA lets go of a graph's things some time after its end.
    for (bool captured = false; !captured;) {
      ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
      ASSERT_THAT(stream.synchronize(), is_ok());
      begin_capture(stream);
      const Status status = execute(*handle, in.tensor, out.tensor);
      captured = status.ok();
      const cuda::GraphExec exec = must(cuda::create_graph_exec(driver(), end_capture(stream)));
      if (captured) {
        ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
      } else {
        ASSERT_THAT(status, fails_with(ErrorCode::kInvalidState));
      }
      ASSERT_THAT(stream.synchronize(), is_ok());
    }
  }
  EXPECT_LE(handle->slot_count(), 2u);
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Capture, OfThePublicApiMakesAGraphThatRunsTheCallWhenItIsLaunched) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  run_on(stream, *handle, in, out);
  ASSERT_THAT(stream.synchronize(), is_ok());
  auto capture = must(etrt::Capture::begin(stream));
  run_on(stream, *handle, in, out);
  const Graph graph = must(std::move(capture).end());
  const std::vector<std::int32_t> others(8, 9);
  copy_now(device(), in.buffer.data(), others.data(), in.buffer.size());
  ASSERT_THAT(graph.launch(stream), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 10));
}

TEST_P(Capture, OfThePublicApiEndsWithItsObject) {
  const Stream stream = create_stream();
  {
    const auto capture = must(etrt::Capture::begin(stream));
    EXPECT_THAT(etrt::Capture::begin(stream), fails_with(ErrorCode::kDriver)) << "one at a time";
  }
  EXPECT_THAT(stream.synchronize(), is_ok());
  auto broken = must(etrt::Capture::begin(stream));
  EXPECT_FALSE(stream.is_done().ok()) << "asking after a stream in capture breaks it";
  EXPECT_THAT(std::move(broken).end(), fails_with(ErrorCode::kDriver));
  EXPECT_THAT(stream.synchronize(), is_ok());
}

}  // namespace
}  // namespace etrt::test
