// Tensors that TensorRT reads and writes on the host.
#include <array>
#include <tensorrt/captured_log.h>
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kInt32 = 3;
constexpr int kInt64 = 8;

class TensorRtShapeTensors : public TensorRtTest {
 protected:
  /// "y" is "x" in the shape that the values of "s" say; two profiles, for few rows and for many.
  static etrt::fake::Plan reshape_plan(int type = kInt64) {
    etrt::fake::Plan plan = fixed_plan({12});
    plan.inputs.push_back({.name = "s", .dims = {2}, .type = type, .host = true});
    plan.inputs[1].profiles = {{{2}, {2}, {2}, {1, 1}, {3, 12}, {3, 4}}, {{2}, {2}, {2}, {4, 1}, {12, 3}, {4, 3}}};
    plan.profiles = 2;
    plan.outputs[0].reshaped_by = 1;
    return plan;
  }

  template <class T, std::size_t Count>
  static Status bind_values(ExecutionContext& context, std::size_t tensor, std::array<T, Count>& values) {
    return context.bind(tensor, reinterpret_cast<std::uint64_t>(values.data()), sizeof(values));
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtShapeTensors);

TEST_P(TensorRtShapeTensors, AreToldToBeOnTheHost) {
  const auto engine = load(reshape_plan());
  EXPECT_EQ(engine->tensors()[0].location, Location::kDevice);
  EXPECT_EQ(engine->tensors()[1].location, Location::kHost);
  EXPECT_EQ(engine->tensors()[1].type, DataType::kInt64);
}

TEST_P(TensorRtShapeTensors, ThatGoTogetherAtNoEndOfAProfileBoundNothing) {
  const auto engine = load(reshape_plan());
  EXPECT_EQ(engine->tensors()[2].minimum, (Dims{0, 0}));
  EXPECT_EQ(engine->tensors()[2].maximum, (Dims{INT32_MAX, INT32_MAX}));
  EXPECT_FALSE(engine->tensors()[2].data_dependent);
}

TEST_P(TensorRtShapeTensors, DecideTheShapesOfOutputs) {
  const auto engine = load(reshape_plan());
  const auto context = create_context(*engine);
  const auto x = filled(12, 41);
  const auto y = filled(12, 0);
  std::array<std::int64_t, 2> values{3, 4};
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind_values(*context, 1, values), is_ok());
  ASSERT_THAT(bind(*context, 2, y), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->shape(2), (Dims{3, 4}));
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), Each(42u));

  values = {2, 6};
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->shape(2), (Dims{2, 6}));
  EXPECT_THAT(run(*context), is_ok());
}

TEST_P(TensorRtShapeTensors, MayHave32Bits) {
  const auto engine = load(reshape_plan(3));
  const auto context = create_context(*engine);
  std::array<std::int32_t, 2> values{12, 1};
  ASSERT_THAT(bind_values(*context, 1, values), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->shape(2), (Dims{12, 1}));
}

TEST_P(TensorRtShapeTensors, ChooseTheProfileByTheirValues) {
  const auto engine = load(reshape_plan());
  const auto context = create_context(*engine);
  std::array<std::int64_t, 2> values{3, 4};
  ASSERT_THAT(bind_values(*context, 1, values), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  const int switches = state().profile_switches;
  values = {12, 1};
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(state().profile_switches, switches + 1);
  EXPECT_EQ(context->shape(2), (Dims{12, 1}));
}

TEST_P(TensorRtShapeTensors, OfAnOlderEngineHaveTheirBoundsToo) {
  capture_log();
  auto plan = reshape_plan(kInt32);
  plan.version = {10, 10, 0, 1};
  EngineOptions options;
  options.allow_engine_code = true;
  const auto engine = must(try_load(plan, options));
  const auto context = create_context(*engine);
  std::array<std::int32_t, 2> values{12, 13};
  ASSERT_THAT(bind_values(*context, 1, values), is_ok());
  EXPECT_THAT(context->resolve_shapes(), fails_with(ErrorCode::kInvalidArgument, HasSubstr("with values {4, 1}")));
  EXPECT_EQ(log_lines_about("not supported for engine"), 0);
}

TEST_P(TensorRtShapeTensors, OfAnEngineThatCannotTellTheirBoundsBoundNothing) {
  capture_log();
  auto plan = reshape_plan(kInt32);
  plan.version = {8, 6, 0, 12};
  EngineOptions options;
  options.lean_runtime_library = "libnvinfer_lean.so.8";
  const auto engine = must(try_load(plan, options));
  EXPECT_EQ(engine->tensors()[2].minimum, (Dims{0, 0}));
  EXPECT_EQ(engine->tensors()[2].maximum, (Dims{INT32_MAX, INT32_MAX}));
  const auto context = create_context(*engine);
  std::array<std::int32_t, 2> values{12, 1};
  ASSERT_THAT(bind_values(*context, 1, values), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->shape(2), (Dims{12, 1}));
  EXPECT_EQ(log_lines_about("not supported for engine"), 0);
}

TEST_P(TensorRtShapeTensors, ValuesThatNoProfileAllowsAreToldWithTheRanges) {
  const auto engine = load(reshape_plan());
  const auto context = create_context(*engine);
  std::array<std::int64_t, 2> values{13, 1};
  ASSERT_THAT(bind_values(*context, 1, values), is_ok());
  EXPECT_THAT(context->resolve_shapes(),
              fails_with(ErrorCode::kInvalidArgument,
                         AllOf(HasSubstr("no optimization profile"),
                               HasSubstr("profile 1: s [2] to [2] with values {4, 1} to {12, 3}"))));
}

TEST_P(TensorRtShapeTensors, ValuesThatFitNoElementsAreTensorRtsError) {
  const auto engine = load(reshape_plan());
  const auto context = create_context(*engine);
  std::array<std::int64_t, 2> values{3, 5};
  ASSERT_THAT(bind_values(*context, 1, values), is_ok());
  EXPECT_THAT(context->resolve_shapes(),
              fails_with(ErrorCode::kInvalidArgument, HasSubstr("no shape of the input's elements")));
}

TEST_P(TensorRtShapeTensors, MustBeBoundBeforeShapesAreResolved) {
  const auto engine = load(reshape_plan());
  const auto context = create_context(*engine);
  EXPECT_THAT(context->resolve_shapes(),
              fails_with(ErrorCode::kInvalidState, HasSubstr("'s' has no shape or no values")));
}

TEST_P(TensorRtShapeTensors, OutputsAreWrittenOnTheHost) {
  auto plan = open_plan({{{1, 4}, {8, 4}}});
  plan.outputs.push_back({.name = "sizes", .type = kInt64, .shape_of = true});
  const auto engine = load(plan);
  EXPECT_EQ(engine->tensors()[2].location, Location::kHost);
  const auto context = create_context(*engine);
  const auto x = filled(32, 41);
  const auto y = filled(32, 0);
  std::array<std::int64_t, 2> sizes{};
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(bind_values(*context, 2, sizes), is_ok());
  ASSERT_THAT(context->set_input_shape(0, {5, 4}), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(sizes, ElementsAre(5, 4));
}

}  // namespace
}  // namespace etrt::engine::tensorrt
