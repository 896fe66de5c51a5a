// What CUDA promises about graphs made by capture.
#include <algorithm>
#include <atomic>

#include <conformance/capturing.h>
#include <cuda/current_context.h>

namespace etrt::conformance {
namespace {

class Graphs : public CaptureFixture {
 protected:
  /// The first launch may have to upload the graph, which is better done with no gate closed.
  void warm_up(const cuda::GraphExec& exec, const cuda::Stream& stream) const {
    EXPECT_THAT(launch(exec, stream), is_ok());
    EXPECT_THAT(synchronize(stream), is_ok());
  }
};
ETRT_ON_EVERY_PROVIDER(Graphs);

TEST_P(Graphs, RunWhatWasCaptured) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  const auto exec = capture(stream, [&] {
    EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 40, buffer.count()), is_ok());
    EXPECT_THAT(kernels().add_u32(stream.get(), buffer.address(), 2, buffer.count()), is_ok());
  });
  ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(42u));
}

TEST_P(Graphs, RunAgainWithEachLaunch) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  const auto exec = capture(
      stream, [&] { EXPECT_THAT(kernels().add_u32(stream.get(), buffer.address(), 1, buffer.count()), is_ok()); });
  ASSERT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 0, buffer.count()), is_ok());
  for (int i = 0; i < 5; ++i) ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(5u));
}

TEST_P(Graphs, KeepTheOrderOfTheStreamTheyAreLaunchedOn) {
  const auto buffer = create_buffer();
  const auto out = create_pinned();
  const auto captured_on = create_stream();
  const auto launched_on = create_stream();
  const auto exec = capture(captured_on, [&] {
    EXPECT_THAT(kernels().add_u32(captured_on.get(), buffer.address(), 2, buffer.count()), is_ok());
  });
  warm_up(exec, launched_on);
  auto gate = close_gate(launched_on.get());
  ASSERT_THAT(kernels().fill_u32(launched_on.get(), buffer.address(), 40, buffer.count()), is_ok());
  ASSERT_THAT(launch(exec, launched_on), is_ok());
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(out.data(), buffer.address(), buffer.bytes(), launched_on.get()), is_ok());
  gate.open();
  ASSERT_THAT(synchronize(launched_on), is_ok());
  EXPECT_THAT(out.values(), Each(42u));
}

TEST_P(Graphs, AreLaunchedWithoutWaitingForTheStream) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  const auto exec = capture(
      stream, [&] { EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok()); });
  warm_up(exec, stream);
  auto gate = close_gate(stream.get());
  ASSERT_THAT(launch(exec, stream), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(Graphs, KeepTheArgumentsOfTheCapture) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  CUdeviceptr data = buffer.address();
  std::uint32_t value = 7;
  std::uint32_t count = buffer.count();
  void* parameters[] = {&data, &value, &count};
  const auto exec = capture(stream, [&] {
    EXPECT_THAT(driver().cuLaunchKernel(kernels().fill_function(), 4, 1, 1, support::kBlockThreads, 1, 1, 0,
                                        stream.get(), parameters, nullptr),
                is_ok());
  });
  value = 99;
  ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Graphs, ReadPinnedMemoryAtEachLaunch) {
  const auto in = create_pinned();
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  const auto exec = capture(stream, [&] {
    EXPECT_THAT(driver().cuMemcpyHtoDAsync(buffer.address(), in.data(), in.bytes(), stream.get()), is_ok());
  });
  for (const std::uint32_t value : {7u, 8u}) {
    std::ranges::fill(in.values(), value);
    ASSERT_THAT(launch(exec, stream), is_ok());
    ASSERT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(buffer.read(), Each(value));
  }
}

TEST_P(Graphs, CallHostFunctionsAtEachLaunch) {
  const auto stream = create_stream();
  std::atomic<int> calls{0};
  const CUhostFn count_up = [](void* counter) { ++*static_cast<std::atomic<int>*>(counter); };
  const auto exec =
      capture(stream, [&] { EXPECT_THAT(driver().cuLaunchHostFunc(stream.get(), count_up, &calls), is_ok()); });
  EXPECT_EQ(calls, 0);
  for (int i = 0; i < 3; ++i) ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_EQ(calls, 3);
}

TEST_P(Graphs, SetMemory) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  const auto exec = capture(stream, [&] {
    EXPECT_THAT(driver().cuMemsetD32Async(buffer.address(), 7, buffer.count(), stream.get()), is_ok());
  });
  ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Graphs, MayBeEmpty) {
  const auto stream = create_stream();
  const auto exec = capture(stream, [] {});
  ASSERT_THAT(launch(exec, stream), is_ok());
  EXPECT_THAT(synchronize(stream), is_ok());
}

TEST_P(Graphs, RunTheirBranchesBeforeTheJoin) {
  const auto left = create_buffer();
  const auto right = create_buffer();
  const auto fork = create_event();
  const auto join = create_event();
  const auto origin = create_stream();
  const auto branch = create_stream();
  const auto exec = capture(origin, [&] {
    EXPECT_THAT(kernels().fill_u32(origin.get(), left.address(), 40, left.count()), is_ok());
    EXPECT_THAT(driver().cuEventRecord(fork.get(), origin.get()), is_ok());
    EXPECT_THAT(driver().cuStreamWaitEvent(branch.get(), fork.get(), 0), is_ok());
    EXPECT_THAT(kernels().spin(branch.get(), milliseconds(1)), is_ok());
    EXPECT_THAT(kernels().copy_u32(branch.get(), right.address(), left.address(), left.count()), is_ok());
    EXPECT_THAT(driver().cuEventRecord(join.get(), branch.get()), is_ok());
    EXPECT_THAT(driver().cuStreamWaitEvent(origin.get(), join.get(), 0), is_ok());
    EXPECT_THAT(kernels().add_u32(origin.get(), right.address(), 2, right.count()), is_ok());
  });
  ASSERT_THAT(launch(exec, origin), is_ok());
  ASSERT_THAT(synchronize(origin), is_ok());
  EXPECT_THAT(right.read(), Each(42u));
}

TEST_P(Graphs, LaunchesOfOneExecutableDoNotOverlap) {
  const auto buffer = create_buffer();
  const auto first = create_stream();
  const auto second = create_stream();
  const auto exec = capture(
      first, [&] { EXPECT_THAT(kernels().add_u32(first.get(), buffer.address(), 1, buffer.count()), is_ok()); });
  warm_up(exec, first);
  ASSERT_THAT(kernels().fill_u32(first.get(), buffer.address(), 0, buffer.count()), is_ok());
  ASSERT_THAT(synchronize(first), is_ok());
  auto gate = close_gate(first.get());
  ASSERT_THAT(launch(exec, first), is_ok());
  ASSERT_THAT(launch(exec, second), is_ok());
  give_others_a_chance();
  EXPECT_THAT(driver().cuStreamQuery(second.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(synchronize(first), is_ok());
  ASSERT_THAT(synchronize(second), is_ok());
  EXPECT_THAT(buffer.read(), Each(2u));
}

TEST_P(Graphs, AnExecutableOutlivesItsGraphAndItsStream) {
  const auto buffer = create_buffer();
  auto captured_on = create_stream();
  const auto stream = create_stream();
  const auto exec = capture(captured_on, [&] {
    EXPECT_THAT(kernels().fill_u32(captured_on.get(), buffer.address(), 7, buffer.count()), is_ok());
  });
  captured_on.reset();
  ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Graphs, AnExecutableDestroyedInFlightFinishesItsWork) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  auto exec = capture(
      stream, [&] { EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok()); });
  warm_up(exec, stream);
  auto gate = close_gate(stream.get());
  ASSERT_THAT(launch(exec, stream), is_ok());
  EXPECT_THAT(driver().cuGraphExecDestroy(exec.release()), is_ok());
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(buffer.read(), Each(7u));
}

TEST_P(Graphs, AreCoveredByEvents) {
  const auto out = create_pinned();
  const auto event = create_event();
  const auto stream = create_stream();
  const auto exec = capture(stream, [&] {
    EXPECT_THAT(kernels().spin(stream.get(), milliseconds(1)), is_ok());
    EXPECT_THAT(kernels().fill_u32(stream.get(), out.address(), 7, out.count()), is_ok());
  });
  ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(driver().cuEventRecord(event.get(), stream.get()), is_ok());
  ASSERT_THAT(driver().cuEventSynchronize(event.get()), is_ok());
  EXPECT_THAT(out.values(), Each(7u));
}

TEST_P(Graphs, NeedACurrentContextOnlyWhenTheyAreInstantiated) {
  const auto buffer = create_buffer();
  const auto stream = create_stream();
  on_another_thread([&] {
    ASSERT_THAT(begin(stream, CU_STREAM_CAPTURE_MODE_RELAXED), is_ok());
    EXPECT_THAT(driver().cuMemsetD8Async(buffer.address(), 0, 4, stream.get()), is_ok());
    const auto graph = end(stream);
    EXPECT_EQ(node_count(graph), 1u);
    CUgraphExec exec = nullptr;
    EXPECT_THAT(driver().cuGraphInstantiateWithFlags(&exec, graph.get(), 0), fails_with(CUDA_ERROR_INVALID_CONTEXT));
    {
      const auto scope = must(cuda::CurrentContext::push(driver(), primary()));
      ASSERT_THAT(driver().cuGraphInstantiateWithFlags(&exec, graph.get(), 0), is_ok());
    }
    EXPECT_THAT(driver().cuGraphLaunch(exec, stream.get()), is_ok());
    EXPECT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(driver().cuGraphExecDestroy(exec), is_ok());
  });
}

TEST_P(Graphs, ANullGraphCannotBeInstantiated) {
  CUgraphExec exec = nullptr;
  EXPECT_THAT(driver().cuGraphInstantiateWithFlags(&exec, nullptr, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
