// What CUDA promises about user objects, which graphs keep, and about asking a stream for the graph it is captured
// into.
#include <atomic>
#include <memory>

#include <conformance/capturing.h>
#include <cuda/graph_lifetime.h>

namespace etrt::conformance {
namespace {

class UserObjects : public CaptureFixture {
 protected:
  void SetUp() override {
    CaptureFixture::SetUp();
    if (!IsSkipped() && !driver().has_user_objects()) GTEST_SKIP() << "this driver has no user objects";
  }

  static void CUDA_CB count_up(void* counter) { ++*static_cast<std::atomic<int>*>(counter); }

  CUuserObject create_object(std::atomic<int>& destroyed, unsigned references = 1) const {
    CUuserObject object = nullptr;
    EXPECT_THAT(
        driver().cuUserObjectCreate(&object, &destroyed, &count_up, references, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC),
        is_ok());
    return object;
  }

  CUgraph captured_graph(CUstream stream) const {
    auto status = CU_STREAM_CAPTURE_STATUS_NONE;
    CUgraph graph = nullptr;
    EXPECT_THAT(driver().cuStreamGetCaptureInfo(stream, &status, nullptr, &graph, nullptr, nullptr, nullptr), is_ok());
    EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
    return graph;
  }

  /// Captures a kernel into a graph that keeps `object`, which was the caller's.
  cuda::Graph capture_keeping(const cuda::Stream& stream, const DeviceBuffer& buffer, CUuserObject object) const {
    EXPECT_THAT(begin(stream), is_ok());
    EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
    EXPECT_THAT(driver().cuGraphRetainUserObject(captured_graph(stream.get()), object, 1, CU_GRAPH_USER_OBJECT_MOVE),
                is_ok());
    return end(stream);
  }

  /// Destructors run asynchronously, and no call waits for them. Whether it happened within seconds.
  template <class Condition>
  static bool comes_true(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return condition();
  }
};
ETRT_ON_EVERY_PROVIDER(UserObjects);

TEST_P(UserObjects, AreDestroyedWhenTheLastReferenceIsReleased) {
  std::atomic<int> destroyed{0};
  const CUuserObject object = create_object(destroyed, 3);
  ASSERT_THAT(driver().cuUserObjectRelease(object, 2), is_ok());
  give_others_a_chance();
  EXPECT_EQ(destroyed, 0);
  ASSERT_THAT(driver().cuUserObjectRelease(object, 1), is_ok());
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, LiveAsLongAsTheGraphThatKeepsThem) {
  std::atomic<int> destroyed{0};
  const auto stream = create_stream();
  const auto buffer = create_buffer();
  auto graph = capture_keeping(stream, buffer, create_object(destroyed));
  give_others_a_chance();
  EXPECT_EQ(destroyed, 0);
  graph.reset();
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, LiveAsLongAsEveryExecutableOfTheGraph) {
  std::atomic<int> destroyed{0};
  const auto stream = create_stream();
  const auto buffer = create_buffer();
  auto graph = capture_keeping(stream, buffer, create_object(destroyed));
  auto first = must(cuda::create_graph_exec(driver(), graph));
  auto second = must(cuda::create_graph_exec(driver(), graph));
  graph.reset();
  first.reset();
  ASSERT_THAT(launch(second, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  give_others_a_chance();
  EXPECT_EQ(destroyed, 0);
  second.reset();
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, LiveUntilTheLaunchesInFlightHaveEnded) {
  std::atomic<int> destroyed{0};
  const auto stream = create_stream();
  const auto buffer = create_buffer();
  auto graph = capture_keeping(stream, buffer, create_object(destroyed));
  auto exec = must(cuda::create_graph_exec(driver(), graph));
  ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  auto gate = close_gate(stream.get());
  ASSERT_THAT(launch(exec, stream), is_ok());
  graph.reset();
  exec.reset();
  give_others_a_chance();
  EXPECT_EQ(destroyed, 0);
  gate.open();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, StayTheCallersWhereTheReferenceIsNotMoved) {
  std::atomic<int> destroyed{0};
  const auto stream = create_stream();
  const CUuserObject object = create_object(destroyed);
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuGraphRetainUserObject(captured_graph(stream.get()), object, 1, 0), is_ok());
  auto graph = end(stream);
  graph.reset();
  give_others_a_chance();
  EXPECT_EQ(destroyed, 0);
  ASSERT_THAT(driver().cuUserObjectRelease(object, 1), is_ok());
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, AreLetGoOfByACaptureThatFails) {
  std::atomic<int> destroyed{0};
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuGraphRetainUserObject(captured_graph(stream.get()), create_object(destroyed), 1,
                                               CU_GRAPH_USER_OBJECT_MOVE),
              is_ok());
  EXPECT_THAT(driver().cuStreamSynchronize(stream.get()), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  expect_order_reports();
  EXPECT_THAT(abandon(stream), fails_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, MayBeKeptByAGraphAfterItsCapture) {
  std::atomic<int> destroyed{0};
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  auto graph = end(stream);
  const CUuserObject object = create_object(destroyed);
  ASSERT_THAT(driver().cuGraphRetainUserObject(graph.get(), object, 1, CU_GRAPH_USER_OBJECT_MOVE), is_ok());
  give_others_a_chance();
  EXPECT_EQ(destroyed, 0);
  graph.reset();
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, NeedTheFlagThatNobodyWaitsForTheirDestructor) {
  std::atomic<int> destroyed{0};
  CUuserObject object = nullptr;
  EXPECT_THAT(driver().cuUserObjectCreate(&object, &destroyed, &count_up, 1, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(UserObjects, AreNotReleasedOrRetainedNoTimes) {
  std::atomic<int> destroyed{0};
  const auto stream = create_stream();
  const CUuserObject object = create_object(destroyed);
  EXPECT_THAT(driver().cuUserObjectRelease(object, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
  ASSERT_THAT(begin(stream), is_ok());
  const auto graph = end(stream);
  EXPECT_THAT(driver().cuGraphRetainUserObject(graph.get(), object, 0, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuGraphRetainUserObject(graph.get(), object, 1, 2), fails_with(CUDA_ERROR_INVALID_VALUE));
  ASSERT_THAT(driver().cuUserObjectRelease(object, 1), is_ok());
  EXPECT_TRUE(comes_true([&] { return destroyed == 1; }));
}

TEST_P(UserObjects, TheGraphOfACaptureIsTheOneThatItsEndGives) {
  const auto stream = create_stream();
  ASSERT_THAT(begin(stream), is_ok());
  const CUgraph during = captured_graph(stream.get());
  const auto graph = end(stream);
  EXPECT_NE(during, nullptr);
  EXPECT_EQ(during, graph.get());
}

TEST_P(UserObjects, EveryStreamOfACaptureNamesItsGraphAndItsId) {
  const auto origin = create_stream();
  const auto branch = create_stream();
  const auto fork = create_event();
  const auto join = create_event();
  ASSERT_THAT(begin(origin), is_ok());
  EXPECT_THAT(driver().cuEventRecord(fork.get(), origin.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(branch.get(), fork.get(), 0), is_ok());
  cuuint64_t ids[2] = {};
  CUgraph graphs[2] = {};
  for (const int i : {0, 1}) {
    auto status = CU_STREAM_CAPTURE_STATUS_NONE;
    EXPECT_THAT(driver().cuStreamGetCaptureInfo((i == 0 ? origin : branch).get(), &status, &ids[i], &graphs[i], nullptr,
                                                nullptr, nullptr),
                is_ok());
    EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
  }
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(graphs[0], graphs[1]);
  EXPECT_THAT(driver().cuEventRecord(join.get(), branch.get()), is_ok());
  EXPECT_THAT(driver().cuStreamWaitEvent(origin.get(), join.get(), 0), is_ok());
  { const auto graph = end(origin); }
}

TEST_P(UserObjects, AStreamInNoCaptureOrABrokenOneHasNoGraph) {
  const auto stream = create_stream();
  auto status = CU_STREAM_CAPTURE_STATUS_ACTIVE;
  EXPECT_THAT(driver().cuStreamGetCaptureInfo(stream.get(), &status, nullptr, nullptr, nullptr, nullptr, nullptr),
              is_ok());
  EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_NONE);
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream.get()), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED));
  EXPECT_THAT(driver().cuStreamGetCaptureInfo(stream.get(), &status, nullptr, nullptr, nullptr, nullptr, nullptr),
              is_ok());
  EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_INVALIDATED);
  EXPECT_THAT(abandon(stream), fails_with(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED));
}

TEST_P(UserObjects, WhatACapturedGraphWasGivenToKeepGoesWithItsLastExecutable) {
  const auto stream = create_stream();
  const auto buffer = create_buffer();
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> alive = held;
  ASSERT_THAT(begin(stream), is_ok());
  EXPECT_THAT(kernels().fill_u32(stream.get(), buffer.address(), 7, buffer.count()), is_ok());
  EXPECT_THAT(cuda::keep_with_captured_graph(driver(), stream.get(), std::move(held)), is_ok());
  auto graph = end(stream);
  EXPECT_EQ(node_count(graph), 1u);
  auto exec = must(cuda::create_graph_exec(driver(), graph));
  graph.reset();
  ASSERT_THAT(launch(exec, stream), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  give_others_a_chance();
  EXPECT_FALSE(alive.expired());
  exec.reset();
  EXPECT_TRUE(comes_true([&] { return alive.expired(); }));
}

TEST_P(UserObjects, NothingIsKeptForAStreamInNoCapture) {
  const auto stream = create_stream();
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> alive = held;
  EXPECT_THAT(cuda::keep_with_captured_graph(driver(), stream.get(), std::move(held)),
              fails_with(ErrorCode::kInvalidState));
  EXPECT_TRUE(alive.expired());
}

}  // namespace
}  // namespace etrt::conformance
