// The end of a context whose own work cannot be waited for: a wait that failed is no wait.
#include <tensorrt/captured_log.h>
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using cuda::Symbol;
using ::testing::HasSubstr;

class TensorRtOwnWork : public TensorRtTest {
 protected:
  void SetUp() override {
    TensorRtTest::SetUp();
    capture_log();
  }

  /// Waits fail from here on: those for streams, or all of them.
  void fail_stream_waits() { calls().refused = {Symbol::k_cuStreamSynchronize}; }
  void fail_all_waits() {
    calls().refused = {Symbol::k_cuStreamSynchronize, Symbol::k_cuEventSynchronize, Symbol::k_cuCtxSynchronize};
  }
  void allow_waits() { calls().refused.clear(); }

  static etrt::fake::Plan two_profiles() { return open_plan({{{1, 4}, {8, 4}}, {{9, 4}, {64, 4}}}); }

  /// A context with a switch of profiles that no enqueue has waited for.
  static std::unique_ptr<ExecutionContext> switched_context(Engine& engine) {
    auto context = create_context(engine);
    EXPECT_THAT(context->set_input_shape(0, {64, 4}), is_ok());
    EXPECT_THAT(context->resolve_shapes(), is_ok());
    return context;
  }

  /// An engine whose enqueue fails before it has joined its auxiliary streams.
  static etrt::fake::Plan unjoined_plan() {
    auto plan = fixed_plan({256}, 3);
    plan.aux_streams = 2;
    plan.failure = "join";
    return plan;
  }
  struct Bound {
    std::unique_ptr<ExecutionContext> context;
    std::vector<DeviceBuffer> buffers;
  };
  Bound bound(Engine& engine) const {
    Bound result{create_context(engine), {}};
    EXPECT_THAT(result.context->resolve_shapes(), is_ok());
    for (std::size_t i = 0; i < 4; ++i) {
      result.buffers.push_back(filled(256, 0));
      EXPECT_THAT(bind(*result.context, i, result.buffers[i]), is_ok());
    }
    return result;
  }

  /// Ends both, while the engine can wait for nothing. The test can, and frees what was abandoned.
  void expect_abandoned(std::unique_ptr<Engine> engine, std::unique_ptr<ExecutionContext> context) {
    ASSERT_THAT(driver().cuCtxSynchronize(), is_ok());
    context.reset();
    engine.reset();
    EXPECT_EQ(state().contexts_alive, 1) << "it was freed under its work";
    EXPECT_EQ(state().engines_alive, 1) << "it was freed under its work";
    EXPECT_EQ(log_lines_about("abandoned"), 1);
    allow_waits();
    state().end_all();
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtOwnWork);

TEST_P(TensorRtOwnWork, OfASwitchIsWaitedForByTheContextWhenItsStreamCannotBe) {
  const auto engine = load(two_profiles());
  auto context = switched_context(*engine);
  fail_stream_waits();
  calls().counter.reset();
  context.reset();
  EXPECT_EQ(calls().counter.count(Symbol::k_cuCtxSynchronize), 1u);
  EXPECT_EQ(state().contexts_alive, 0);
  EXPECT_EQ(log_lines_about("abandoned"), 0);
}

TEST_P(TensorRtOwnWork, OfASwitchThatNothingProvesOverKeepsContextAndEngine) {
  auto engine = load(two_profiles());
  auto context = switched_context(*engine);
  fail_all_waits();
  expect_abandoned(std::move(engine), std::move(context));
}

TEST_P(TensorRtOwnWork, OfAFailedEnqueueIsWaitedForByTheContextWhenItsStreamsCannotBe) {
  const auto engine = load(unjoined_plan());
  const auto bound = this->bound(*engine);
  auto gate = close_gate(stream().get());
  calls().on_call = [&](Symbol symbol) {
    if (symbol == Symbol::k_cuCtxSynchronize) gate.open();
  };
  fail_stream_waits();
  EXPECT_THAT(bound.context->enqueue(stream().get()), fails_with(ErrorCode::kDriver, HasSubstr("not enqueued")));
  EXPECT_THAT(driver().cuStreamQuery(state().left_running), is_ok()) << "an auxiliary stream is at work";
  ASSERT_THAT(synchronize(stream()), is_ok());
}

TEST_P(TensorRtOwnWork, OfAFailedEnqueueThatCannotBeWaitedForIsOrderedOnTheCallersStream) {
  const auto engine = load(unjoined_plan());
  const auto bound = this->bound(*engine);
  auto gate = close_gate(stream().get());
  fail_all_waits();
  EXPECT_FALSE(bound.context->enqueue(stream().get()).ok());
  gate.open();
  // All that the caller waits for before its tensors go: the virtual GPU reports work that is not ordered before.
  ASSERT_THAT(synchronize(stream()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(state().left_running), is_ok());
  allow_waits();
}

TEST_P(TensorRtOwnWork, OfAFailedEnqueueThatCannotBeWaitedForIsToldAndWaitedForAtTheEnd) {
  const auto engine = load(unjoined_plan());
  auto bound = this->bound(*engine);
  fail_all_waits();
  calls().refused.insert(Symbol::k_cuEventRecord);
  EXPECT_THAT(bound.context->enqueue(stream().get()),
              fails_with(ErrorCode::kDriver, HasSubstr("auxiliary streams cannot be waited for")));
  allow_waits();
  calls().counter.reset();
  bound.context.reset();
  EXPECT_EQ(calls().counter.count(Symbol::k_cuCtxSynchronize), 1u);
  EXPECT_EQ(state().contexts_alive, 0);
}

TEST_P(TensorRtOwnWork, OfAFailedEnqueueThatNothingProvesOverKeepsContextAndEngine) {
  auto engine = load(unjoined_plan());
  auto bound = this->bound(*engine);
  fail_all_waits();
  EXPECT_FALSE(bound.context->enqueue(stream().get()).ok());
  expect_abandoned(std::move(engine), std::move(bound.context));
}

TEST_P(TensorRtOwnWork, IsNotWaitedForWhereTheStreamMayBeInCapture) {
  const auto engine = load(unjoined_plan());
  auto bound = this->bound(*engine);
  calls().faults.fail(Symbol::k_cuStreamIsCapturing, 2, CUDA_ERROR_UNKNOWN);
  calls().counter.reset();
  EXPECT_FALSE(bound.context->enqueue(stream().get()).ok());
  EXPECT_EQ(calls().counter.count(Symbol::k_cuStreamSynchronize), 0u);
  bound.context.reset();
  EXPECT_EQ(calls().counter.count(Symbol::k_cuCtxSynchronize), 1u) << "it was never waited for";
}

TEST_P(TensorRtOwnWork, ADestructorWhosePreparationFailsOnceLeavesNothing) {
  auto engine = load(two_profiles());
  ASSERT_THAT(driver().cuCtxSetCurrent(nullptr), is_ok());
  calls().faults.fail(Symbol::k_cuCtxPushCurrent, 1, CUDA_ERROR_UNKNOWN);
  engine.reset();
  EXPECT_EQ(calls().faults.delivered(), 1u);
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
}

}  // namespace
}  // namespace etrt::engine::tensorrt
