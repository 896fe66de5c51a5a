// Optimization profiles, and the shapes of outputs.
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using cuda::Symbol;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

class TensorRtShapes : public TensorRtTest {
 protected:
  static Status set(ExecutionContext& context, const Dims& dims) {
    auto status = context.set_input_shape(0, dims);
    return status.ok() ? context.resolve_shapes() : std::move(status);
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtShapes);

const std::vector<Ends> kSmallAndLarge = {{{1, 4}, {8, 4}}, {{9, 4}, {64, 4}}};

TEST_P(TensorRtShapes, RangesCoverAllProfiles) {
  const auto engine = load(open_plan(kSmallAndLarge));
  EXPECT_EQ(engine->profile_count(), 2);
  for (const TensorInfo& info : engine->tensors()) {
    EXPECT_EQ(info.minimum, (Dims{1, 4})) << info.name;
    EXPECT_EQ(info.maximum, (Dims{64, 4})) << info.name;
    EXPECT_FALSE(info.data_dependent) << info.name;
  }
}

TEST_P(TensorRtShapes, OutputsFollowTheInputsUpAndDown) {
  const auto engine = load(open_plan({{{1, 4}, {64, 4}}}));
  const auto context = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  for (const int rows : {2, 64, 1}) {
    ASSERT_THAT(set(*context, {rows, 4}), is_ok());
    EXPECT_EQ(context->shape(1), (Dims{rows, 4}));
    ASSERT_THAT(run(*context), is_ok());
  }
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtShapes, TheProfileThatFitsIsTaken) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(set(*context, {64, 4}), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
  ASSERT_THAT(set(*context, {3, 4}), is_ok());
  EXPECT_THAT(run(*context), is_ok());
}

TEST_P(TensorRtShapes, ThePresentProfileIsKeptWhileItFits) {
  const auto engine = load(open_plan({{{1, 4}, {8, 4}}, {{4, 4}, {64, 4}}}));
  const auto context = create_context(*engine);
  ASSERT_THAT(set(*context, {64, 4}), is_ok());
  const int switches = state().profile_switches;
  calls().counter.reset();
  ASSERT_THAT(set(*context, {5, 4}), is_ok());
  EXPECT_EQ(state().profile_switches, switches);
  EXPECT_EQ(calls().counter.total(), 0u);
  ASSERT_THAT(set(*context, {1, 4}), is_ok());
  EXPECT_EQ(state().profile_switches, switches + 1);
}

TEST_P(TensorRtShapes, APinnedProfileIsNeverLeft) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine, 1);
  EXPECT_THAT(set(*context, {64, 4}), is_ok());
  EXPECT_THAT(set(*context, {3, 4}),
              fails_with(ErrorCode::kInvalidArgument, HasSubstr("pinned optimization_profile 1")));
}

TEST_P(TensorRtShapes, APinnedProfileMustExist) {
  const auto engine = load(open_plan(kSmallAndLarge));
  for (const int profile : {-1, 2}) {
    EXPECT_THAT(engine->create_context(profile),
                fails_with(ErrorCode::kInvalidArgument, HasSubstr("the engine has profiles 0 to 1")));
  }
}

TEST_P(TensorRtShapes, ShapesThatNoProfileAllowsAreToldWithTheRanges) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  EXPECT_THAT(set(*context, {65, 4}),
              fails_with(ErrorCode::kInvalidArgument,
                         AllOf(HasSubstr("no optimization profile allows x [65, 4]"),
                               HasSubstr("profile 0: x [1, 4] to [8, 4]; profile 1: x [9, 4] to [64, 4]"))));
  // The context is as usable as before.
  EXPECT_THAT(set(*context, {64, 4}), is_ok());
}

TEST_P(TensorRtShapes, ShapesThatGoTogetherInNoProfileAreRefused) {
  auto plan = open_plan({{{1}, {8}}, {{9}, {64}}});
  plan.inputs.push_back(plan.inputs[0]);
  plan.inputs[1].name = "z";
  const auto engine = load(plan);
  const auto context = create_context(*engine);
  ASSERT_THAT(context->set_input_shape(0, {8}), is_ok());
  ASSERT_THAT(context->set_input_shape(1, {9}), is_ok());
  EXPECT_THAT(context->resolve_shapes(), fails_with(ErrorCode::kInvalidArgument, HasSubstr("x [8], z [9] together")));
}

TEST_P(TensorRtShapes, AProfileThatTensorRtRefusesIsAnError) {
  auto plan = fixed_plan({4});
  plan.profiles = 2;
  plan.failure = "profile";
  const auto engine = load(plan);
  const auto context = create_context(*engine, 1);
  EXPECT_THAT(context->resolve_shapes(),
              fails_with(ErrorCode::kDriver, HasSubstr("optimization_profile 1 was refused")));
}

TEST_P(TensorRtShapes, ShapesThatCannotBeInferredAreAnError) {
  auto plan = fixed_plan({4});
  plan.failure = "infer";
  const auto engine = load(plan);
  const auto context = create_context(*engine);
  EXPECT_THAT(context->resolve_shapes(),
              fails_with(ErrorCode::kInvalidArgument, HasSubstr("shapes cannot be inferred")));
}

TEST_P(TensorRtShapes, AnEngineWhoseOutputsHaveNoBoundsDoesNotLoad) {
  auto plan = open_plan(kSmallAndLarge);
  plan.failure = "infer";
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kInvalidArgument, HasSubstr("shapes of the engine's outputs")));
}

TEST_P(TensorRtShapes, SwitchingProfilesNeverBlocksTheHost) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  calls().counter.reset();
  ASSERT_THAT(set(*context, {64, 4}), is_ok());
  ASSERT_THAT(context->enqueue(stream().get()), is_ok());
  EXPECT_EQ(calls().counter.count(Symbol::k_cuStreamSynchronize), 0u);
  EXPECT_EQ(calls().counter.count(Symbol::k_cuEventSynchronize), 0u);
  ASSERT_THAT(synchronize(stream()), is_ok());
}

TEST_P(TensorRtShapes, TheFirstEnqueueWaitsForASwitchOfProfilesOnTheDevice) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(set(*context, {64, 4}), is_ok());
  calls().counter.reset();
  // Unordered copies of the switch would be reported by the virtual GPU.
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_EQ(calls().counter.count(Symbol::k_cuStreamWaitEvent), 1u);
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_EQ(calls().counter.count(Symbol::k_cuStreamWaitEvent), 1u);
}

TEST_P(TensorRtShapes, AContextMayBeCapturedRightAfterASwitchOfProfiles) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(driver().cuStreamBeginCapture(stream().get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  EXPECT_THAT(set(*context, {64, 4}), is_ok());
  EXPECT_THAT(context->enqueue(stream().get()), is_ok());
  CUgraph handle = nullptr;
  ASSERT_THAT(driver().cuStreamEndCapture(stream().get(), &handle), is_ok());
  const cuda::Graph graph(driver(), handle);
  const auto exec = must(cuda::create_graph_exec(driver(), graph));
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream().get()), is_ok());
  ASSERT_THAT(synchronize(stream()), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtShapes, ASwitchOfProfilesThatFailedIsMadeAgain) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  const int switches = state().profile_switches;
  calls().faults.fail(Symbol::k_cuEventRecord, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(set(*context, {64, 4}), fails_with(ErrorCode::kDriver, HasSubstr("cuEventRecord")));
  EXPECT_THAT(set(*context, {64, 4}), is_ok());
  EXPECT_EQ(state().profile_switches, switches + 2);
}

TEST_P(TensorRtShapes, AfterASwitchThatFailedTheProfileBeforeIsSetAgain) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  const int switches = state().profile_switches;
  calls().faults.fail(Symbol::k_cuEventRecord, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(set(*context, {64, 4}), fails_with(ErrorCode::kDriver, HasSubstr("cuEventRecord")));
  EXPECT_THAT(set(*context, {3, 4}), is_ok());
  EXPECT_EQ(state().profile_switches, switches + 2);
}

TEST_P(TensorRtShapes, NothingIsEnqueuedAfterASwitchThatFailed) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  calls().faults.fail(Symbol::k_cuEventRecord, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_FALSE(set(*context, {64, 4}).ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kInvalidState, HasSubstr("resolve the shapes again")));
  EXPECT_THAT(set(*context, {64, 4}), is_ok());
  EXPECT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtShapes, ASwitchOfProfilesDoesNotSpeakOfMemoryThatIsFreed) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  for (const int rows : {2, 64, 3}) {
    // Each round's tensors are gone when the next one switches.
    const auto x = filled(256, 41);
    const auto y = filled(256, 0);
    ASSERT_THAT(set(*context, {rows, 4}), is_ok());
    ASSERT_THAT(bind(*context, 0, x), is_ok());
    ASSERT_THAT(bind(*context, 1, y), is_ok());
    ASSERT_THAT(run(*context), is_ok());
    EXPECT_EQ(y.read()[4], 42u);
  }
}

TEST_P(TensorRtShapes, SwitchingProfilesLeavesTheCallersContextCurrent) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  ASSERT_THAT(driver().cuCtxSetCurrent(nullptr), is_ok());
  EXPECT_THAT(set(*context, {64, 4}), is_ok());
  EXPECT_EQ(current(), nullptr);
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
}

TEST_P(TensorRtShapes, SwitchingProfilesDoesNotBreakACaptureElsewhere) {
  const auto engine = load(open_plan(kSmallAndLarge));
  const auto context = create_context(*engine);
  ASSERT_THAT(driver().cuStreamBeginCapture(stream().get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  EXPECT_THAT(set(*context, {64, 4}), is_ok());
  CUgraph graph = nullptr;
  EXPECT_THAT(driver().cuStreamEndCapture(stream().get(), &graph), is_ok());
  EXPECT_THAT(driver().cuGraphDestroy(graph), is_ok());
}

}  // namespace
}  // namespace etrt::engine::tensorrt
