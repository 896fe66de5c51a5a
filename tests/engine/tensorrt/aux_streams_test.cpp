// The engine's auxiliary streams stay in the partition of the stream that it is enqueued on.
#include <algorithm>
#include <set>
#include <tensorrt/tensorrt_fixture.h>

#include <cuda/current_context.h>

namespace etrt::engine::tensorrt {
namespace {

using cuda::Symbol;
using support::Partition;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr std::uint32_t kBlocks = 256;

class TensorRtAuxStreams : public TensorRtTest {
 protected:
  void SetUp() override {
    TensorRtTest::SetUp();
    if (IsSkipped() || HasFatalFailure() || !partitions_supported()) return;
    const auto layout = must(support::sm_layout(driver(), device()));
    partition_sms_ = std::max(layout.minimum, std::min(2 * layout.minimum, layout.total / 3));
  }

  /// Three outputs that record SMs, the second and the third on auxiliary streams.
  static etrt::fake::Plan recording_plan() {
    auto plan = fixed_plan({kBlocks}, 3);
    plan.aux_streams = 2;
    for (auto& output : plan.outputs) output.records_sms = true;
    return plan;
  }

  std::vector<Partition> create_partitions(unsigned count) const {
    return must(support::create_partitions(driver(), device(), count, partition_sms_));
  }
  cuda::Stream create_stream_in(const Partition& partition) const {
    return must(cuda::create_green_stream(driver(), partition.green.get()));
  }

  /// A context with all four tensors bound.
  struct Bound {
    std::unique_ptr<ExecutionContext> context;
    std::vector<DeviceBuffer> buffers;
  };
  Bound bound(Engine& engine) const {
    Bound result{create_context(engine), {}};
    EXPECT_THAT(result.context->resolve_shapes(), is_ok());
    for (std::size_t i = 0; i < 4; ++i) {
      result.buffers.push_back(filled(kBlocks, 0));
      EXPECT_THAT(bind(*result.context, i, result.buffers[i]), is_ok());
    }
    return result;
  }

  Status run_on(const Bound& bound, CUstream stream) const {
    auto enqueued = bound.context->enqueue(stream);
    EXPECT_THAT(driver().cuStreamSynchronize(stream), is_ok());
    return enqueued;
  }

  static std::set<std::uint32_t> sms(const Bound& bound) {
    std::set<std::uint32_t> seen;
    for (std::size_t i = 1; i < 4; ++i) {
      const auto values = bound.buffers[i].read();
      seen.insert(values.begin(), values.end());
    }
    return seen;
  }

 private:
  unsigned partition_sms_ = 0;
};
ETRT_ON_EVERY_PROVIDER(TensorRtAuxStreams);

TEST_P(TensorRtAuxStreams, RunOnNoSmOutsideOfThePartition) {
  const auto partitions = create_partitions(2);
  const auto engine = load(recording_plan());
  const auto bound = this->bound(*engine);
  for (const Partition& partition : partitions) {
    const auto stream = create_stream_in(partition);
    const auto allowed = sms_used_on(stream.get());
    ASSERT_THAT(run_on(bound, stream.get()), is_ok());
    const auto used = sms(bound);
    EXPECT_TRUE(std::includes(allowed.begin(), allowed.end(), used.begin(), used.end()));
  }
  EXPECT_EQ(state().own_aux_streams, 0) << "TensorRT made streams of its own";
}

TEST_P(TensorRtAuxStreams, RunWhereThePrimaryContextRunsOnPlainStreams) {
  const auto partitions = create_partitions(1);
  const auto engine = load(recording_plan());
  const auto bound = this->bound(*engine);
  const auto plain = create_stream();
  // Streams made now would belong to the green context.
  const auto scope = must(cuda::CurrentContext::push(driver(), partitions[0].context));
  ASSERT_THAT(bound.context->enqueue(plain.get()), is_ok());
  ASSERT_THAT(synchronize(plain), is_ok());
  const auto allowed = sms_used_on(create_stream_in(partitions[0]).get());
  const auto used = sms(bound);
  EXPECT_FALSE(std::includes(allowed.begin(), allowed.end(), used.begin(), used.end()));
}

TEST_P(TensorRtAuxStreams, AreGivenForEveryEnqueueAndMadeOnceForEachPartition) {
  const auto partitions = create_partitions(2);
  const auto first = create_stream_in(partitions[0]);
  const auto second = create_stream_in(partitions[1]);
  const auto engine = load(recording_plan());
  const auto bound = this->bound(*engine);
  const int given = state().aux_streams_set;
  for (int i = 0; i < 3; ++i) ASSERT_THAT(run_on(bound, first.get()), is_ok());
  ASSERT_THAT(run_on(bound, second.get()), is_ok());

  calls().counter.reset();
  ASSERT_THAT(run_on(bound, first.get()), is_ok());
  EXPECT_EQ(state().aux_streams_set, given + 5);
  EXPECT_EQ(state().own_aux_streams, 0) << "TensorRT made streams of its own";
  EXPECT_EQ(calls().counter.count(Symbol::k_cuGreenCtxStreamCreate), 0u) << "they are kept for each partition";
}

TEST_P(TensorRtAuxStreams, CostTwoQuestionsInSteadyState) {
  const auto partitions = create_partitions(1);
  const auto stream = create_stream_in(partitions[0]);
  const auto engine = load(recording_plan());
  const auto bound = this->bound(*engine);
  ASSERT_THAT(run_on(bound, stream.get()), is_ok());
  calls().counter.reset();
  ASSERT_THAT(run_on(bound, stream.get()), is_ok());
  EXPECT_EQ(calls().counter.count(Symbol::k_cuStreamGetGreenCtx), 2u);
  EXPECT_EQ(calls().counter.total(), 2u);
}

TEST_P(TensorRtAuxStreams, AreWaitedForByTheCallersStream) {
  const auto partitions = create_partitions(1);
  const auto stream = create_stream_in(partitions[0]);
  auto plan = fixed_plan({kBlocks}, 3);
  plan.aux_streams = 2;
  const auto engine = load(plan);
  const auto bound = this->bound(*engine);
  ASSERT_THAT(run_on(bound, stream.get()), is_ok());
  for (std::uint32_t i = 1; i < 4; ++i) EXPECT_THAT(bound.buffers[i].read(), Each(i));
}

TEST_P(TensorRtAuxStreams, AreNotMadeInACapture) {
  const auto partitions = create_partitions(1);
  const auto stream = create_stream_in(partitions[0]);
  const auto engine = load(recording_plan());
  const auto bound = this->bound(*engine);
  ASSERT_THAT(driver().cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  EXPECT_THAT(bound.context->enqueue(stream.get()),
              fails_with(ErrorCode::kInvalidState, HasSubstr("before the capture")));
  CUgraph graph = nullptr;
  EXPECT_THAT(driver().cuStreamEndCapture(stream.get(), &graph), is_ok()) << "the capture was broken";
  EXPECT_THAT(driver().cuGraphDestroy(graph), is_ok());
}

TEST_P(TensorRtAuxStreams, AreCapturedOnceTheyAreThere) {
  const auto partitions = create_partitions(1);
  const auto stream = create_stream_in(partitions[0]);
  auto plan = fixed_plan({kBlocks}, 3);
  plan.aux_streams = 2;
  const auto engine = load(plan);
  const auto bound = this->bound(*engine);
  ASSERT_THAT(run_on(bound, stream.get()), is_ok());
  ASSERT_THAT(driver().cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  EXPECT_THAT(bound.context->enqueue(stream.get()), is_ok());
  EXPECT_THAT(bound.context->enqueue(stream.get()), is_ok());
  CUgraph handle = nullptr;
  ASSERT_THAT(driver().cuStreamEndCapture(stream.get(), &handle), is_ok());
  const cuda::Graph graph(driver(), handle);
  const auto exec = must(cuda::create_graph_exec(driver(), graph));
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(bound.buffers[3].read(), Each(3u));
}

TEST_P(TensorRtAuxStreams, MayOutliveTheirGreenContext) {
  const auto engine = load(recording_plan());
  auto bound = this->bound(*engine);
  for (int round = 0; round < 3; ++round) {
    const auto partitions = create_partitions(1);
    const auto stream = create_stream_in(partitions[0]);
    const auto allowed = sms_used_on(stream.get());
    ASSERT_THAT(run_on(bound, stream.get()), is_ok());
    const auto used = sms(bound);
    EXPECT_TRUE(std::includes(allowed.begin(), allowed.end(), used.begin(), used.end()));
  }
  const auto plain = create_stream();
  EXPECT_THAT(run_on(bound, plain.get()), is_ok());
  bound.context.reset();
}

TEST_P(TensorRtAuxStreams, MayEndWithWorkInFlight) {
  const auto partitions = create_partitions(1);
  const auto stream = create_stream_in(partitions[0]);
  auto plan = fixed_plan({kBlocks}, 3);
  plan.aux_streams = 2;
  const auto engine = load(plan);
  auto bound = this->bound(*engine);
  ASSERT_THAT(bound.context->enqueue(stream.get()), is_ok());
  bound.context.reset();
  ASSERT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(bound.buffers[2].read(), Each(2u));
}

TEST_P(TensorRtAuxStreams, ThatCannotBeMadeAreAnErrorThatLeavesNothing) {
  const auto partitions = create_partitions(1);
  const auto stream = create_stream_in(partitions[0]);
  const auto engine = load(recording_plan());
  const auto bound = this->bound(*engine);
  const int enqueues = state().enqueues;
  calls().faults.fail(Symbol::k_cuGreenCtxStreamCreate, 2, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_THAT(run_on(bound, stream.get()),
              fails_with(ErrorCode::kOutOfMemory, HasSubstr("an auxiliary stream for the engine")));
  EXPECT_EQ(state().enqueues, enqueues);
  EXPECT_THAT(run_on(bound, stream.get()), is_ok());
}

TEST_P(TensorRtAuxStreams, HaveNothingLeftToRunWhenAnEnqueueFails) {
  auto plan = fixed_plan({kBlocks}, 3);
  plan.aux_streams = 2;
  plan.failure = "join";
  const auto engine = load(plan);
  const auto bound = this->bound(*engine);
  auto gate = close_gate(stream().get());
  calls().on_call = [&](Symbol symbol) {
    if (symbol == Symbol::k_cuStreamSynchronize) gate.open();
  };
  EXPECT_THAT(bound.context->enqueue(stream().get()), fails_with(ErrorCode::kDriver, HasSubstr("not enqueued")));
  EXPECT_THAT(driver().cuStreamQuery(state().left_running), is_ok()) << "an auxiliary stream is at work";
  ASSERT_THAT(synchronize(stream()), is_ok());
}

TEST_P(TensorRtAuxStreams, AreNotWaitedForInACapture) {
  auto plan = fixed_plan({kBlocks}, 3);
  plan.aux_streams = 2;
  plan.failure = "join";
  const auto engine = load(plan);
  const auto bound = this->bound(*engine);
  // The streams are made before the capture.
  EXPECT_THAT(run_on(bound, stream().get()), fails_with(ErrorCode::kDriver, HasSubstr("not enqueued")));
  calls().counter.reset();
  ASSERT_THAT(driver().cuStreamBeginCapture(stream().get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  EXPECT_THAT(bound.context->enqueue(stream().get()), fails_with(ErrorCode::kDriver, HasSubstr("not enqueued")));
  EXPECT_EQ(calls().counter.count(Symbol::k_cuStreamSynchronize), 0u);
  CUgraph graph = nullptr;
  EXPECT_THAT(driver().cuStreamEndCapture(stream().get(), &graph), fails_with(CUDA_ERROR_STREAM_CAPTURE_UNJOINED));
}

TEST_P(TensorRtAuxStreams, OfAnEngineWithoutThemCostNothing) {
  const auto partitions = create_partitions(1);
  const auto stream = create_stream_in(partitions[0]);
  const auto engine = load(fixed_plan({kBlocks}, 3));
  const auto bound = this->bound(*engine);
  calls().counter.reset();
  ASSERT_THAT(run_on(bound, stream.get()), is_ok());
  EXPECT_EQ(calls().counter.total(), 0u);
}

}  // namespace
}  // namespace etrt::engine::tensorrt
