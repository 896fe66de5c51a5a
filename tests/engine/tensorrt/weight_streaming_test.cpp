// Weights that are kept on the host and copied as the engine runs.
#include <tensorrt/captured_log.h>
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class TensorRtWeightStreaming : public TensorRtTest {
 protected:
  static etrt::fake::Plan streaming_plan() {
    auto plan = fixed_plan({16});
    plan.weights = 1200;
    plan.streamable_weights = 1000;
    plan.automatic_budget = 600;
    return plan;
  }
  static EngineOptions budget(std::int64_t bytes) {
    EngineOptions options;
    options.weight_streaming_budget = bytes;
    return options;
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtWeightStreaming);

TEST_P(TensorRtWeightStreaming, TakesTheBudgetThatIsAskedFor) {
  const auto engine = must(try_load(streaming_plan(), budget(250)));
  EXPECT_EQ(state().budget, 250);
  EXPECT_EQ(engine->memory().streamed_weights, 750u);
  EXPECT_EQ(engine->memory().weights, 450u);
}

TEST_P(TensorRtWeightStreaming, TakesTensorRtsOwnBudgetWhenNoneIsAskedFor) {
  const auto engine = load(streaming_plan());
  EXPECT_EQ(state().budget, 600);
  EXPECT_TRUE(engine->synchronous());
}

TEST_P(TensorRtWeightStreaming, IsOffWithABudgetOfAllWeights) {
  const auto engine = must(try_load(streaming_plan(), budget(5000)));
  EXPECT_EQ(state().budget, 1000);
  EXPECT_FALSE(engine->synchronous());
  EXPECT_EQ(engine->memory().streamed_weights, 0u);
  EXPECT_EQ(engine->memory().weights, 1200u);
}

TEST_P(TensorRtWeightStreaming, LeavesEnginesWithoutItAlone) {
  state().budget = -1;
  const auto engine = must(try_load(fixed_plan({16}), budget(5)));
  EXPECT_EQ(state().budget, -1);
  EXPECT_FALSE(engine->synchronous());
}

TEST_P(TensorRtWeightStreaming, ABudgetThatTensorRtRefusesIsAnError) {
  auto plan = streaming_plan();
  plan.failure = "budget";
  EXPECT_THAT(try_load(plan, budget(5)),
              fails_with(ErrorCode::kOutOfMemory, HasSubstr("weight_streaming_budget of 5 bytes, of 1000")));
}

TEST_P(TensorRtWeightStreaming, AnAutomaticBudgetThatTensorRtRefusesFallsBackToNoneWithAWarning) {
  capture_log();
  auto plan = streaming_plan();
  plan.automatic_budget = -1;
  const auto engine = load(plan);
  EXPECT_EQ(state().budget, 0);
  EXPECT_EQ(engine->memory().streamed_weights, 1000u);
  EXPECT_THAT(log_lines(), Contains(Pair('I', AllOf(HasSubstr("automatic weight streaming budget of -1 bytes"),
                                                    HasSubstr("the budget cannot be set")))));
  EXPECT_THAT(log_lines(), Not(Contains(Pair('E', ::testing::_))));
}

TEST_P(TensorRtWeightStreaming, AnEngineThatTakesNoBudgetAtAllDoesNotLoad) {
  auto plan = streaming_plan();
  plan.failure = "budget";
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kOutOfMemory, HasSubstr("weight_streaming_budget of 0 bytes")));
}

TEST_P(TensorRtWeightStreaming, MakesTheEnqueueWait) {
  const auto engine = load(streaming_plan());
  const auto context = create_context(*engine);
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(context->enqueue(stream().get()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream().get()), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtWeightStreaming, CannotBeCaptured) {
  const auto engine = load(streaming_plan());
  const auto context = create_context(*engine);
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(driver().cuStreamBeginCapture(stream().get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  EXPECT_THAT(context->enqueue(stream().get()), fails_with(ErrorCode::kInvalidState, HasSubstr("streams its weights")));
  CUgraph graph = nullptr;
  EXPECT_THAT(driver().cuStreamEndCapture(stream().get(), &graph), is_ok()) << "the capture was broken";
  EXPECT_THAT(driver().cuGraphDestroy(graph), is_ok());
}

}  // namespace
}  // namespace etrt::engine::tensorrt
