// Engines that an older TensorRT wrote, which answer its calls alone.
#include <tensorrt/captured_log.h>
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

class TensorRtOlderPlans : public TensorRtTest {
 protected:
  static EngineOptions with_lean_runtime(const std::string& path = "libnvinfer_lean.so.8") {
    EngineOptions options;
    options.lean_runtime_library = path;
    return options;
  }

  /// A version-compatible plan of TensorRT 8.6 without a lean runtime in it.
  static etrt::fake::Plan older(etrt::fake::Plan plan) {
    plan.version = {8, 6, 0, 12};
    plan.needs_lean_runtime = true;
    return plan;
  }

  std::unique_ptr<Engine> load_older(const etrt::fake::Plan& plan) const {
    return must(try_load(older(plan), with_lean_runtime()));
  }

  /// x + 1 of `rows` rows of 4, in scratch memory that is given.
  Status run_rows(ExecutionContext& context, const DeviceBuffer& x, const DeviceBuffer& y, int rows) const {
    auto set = context.set_input_shape(0, {rows, 4});
    if (set.ok()) set = context.resolve_shapes();
    if (!set.ok()) return set;
    const DeviceBuffer scratch = filled(static_cast<std::uint32_t>(context.device_memory_bytes() / 4 + 64), 0);
    for (auto status :
         {context.set_device_memory(scratch.address(), scratch.bytes()), bind(context, 0, x), bind(context, 1, y)}) {
      if (!status.ok()) return status;
    }
    return run(context);
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtOlderPlans);

TEST_P(TensorRtOlderPlans, RunWithTheLeanRuntimeOfTheirVersion) {
  const auto engine = load_older(open_plan({{{1, 4}, {64, 4}}}));
  const auto context = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  ASSERT_THAT(run_rows(*context, x, y, 64), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtOlderPlans, WithoutItAreRefusedAndNameIt) {
  const auto plan = older(fixed_plan({4}));
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kIncompatible,
                                         AllOf(HasSubstr("lean_runtime_library"), HasSubstr("libnvinfer_lean.so.8"),
                                               HasSubstr("allow_engine_code"))));
  EngineOptions code_allowed;
  code_allowed.allow_engine_code = true;
  EXPECT_THAT(try_load(plan, code_allowed), fails_with(ErrorCode::kIncompatible, HasSubstr("old deserialization")));
}

TEST_P(TensorRtOlderPlans, NameALeanRuntimeThatIsMissing) {
  EXPECT_THAT(try_load(older(fixed_plan({4})), with_lean_runtime("libmissing_lean.so")),
              fails_with(ErrorCode::kNotFound, HasSubstr("lean_runtime_library 'libmissing_lean.so'")));
}

TEST_P(TensorRtOlderPlans, TakeTheLeanRuntimeOfTheEnvironmentToo) {
  LibrarySearch search(SearchPlaces{.library = kFakeLibrary, .lean_runtime = "libnvinfer_lean.so.8"});
  const TensorRtLoader loader(Product::kTensorRt, &fake::adapter(), search);
  EXPECT_THAT(loader.load(cuda_device(), older(fixed_plan({4})).serialize(), {}), is_ok());
}

TEST_P(TensorRtOlderPlans, OfTheLibrarysVersionNeedNone) {
  EXPECT_THAT(try_load(fixed_plan({4}), with_lean_runtime("libmissing_lean.so")), is_ok());
}

TEST_P(TensorRtOlderPlans, AreAskedQuietlyWhatTheyAnswer) {
  capture_log();
  auto plan = open_plan({{{1, 4}, {8, 4}}, {{9, 4}, {64, 4}}});
  plan.memory_per_element = 4;
  plan.weights = 1000;
  for (const std::vector<int>& version : {std::vector{8, 6, 0, 12}, {10, 0, 1, 1}, {10, 1, 0, 1}, {10, 14, 0, 1}}) {
    plan.version = version;
    const auto engine = must(try_load(plan, with_lean_runtime()));
    const auto context = create_context(*engine);
    const auto x = filled(256, 41);
    const auto y = filled(256, 0);
    ASSERT_THAT(run_rows(*context, x, y, 3), is_ok()) << version[0] << '.' << version[1];
    EXPECT_EQ(engine->memory().context_maximum, 1024u);
  }
  EXPECT_EQ(log_lines_about("not supported for engine"), 0);
}

TEST_P(TensorRtOlderPlans, HaveScratchMemoryForTheirLargestShapes) {
  auto plan = open_plan({{{1, 4}, {64, 4}}});
  plan.memory_per_element = 4;
  const auto engine = load_older(plan);
  const auto context = create_context(*engine);
  ASSERT_THAT(context->set_input_shape(0, {1, 4}), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->device_memory_bytes(), 1024u) << "it cannot tell less";
}

TEST_P(TensorRtOlderPlans, GiveEveryContextAProfile) {
  const auto engine = load_older(open_plan({{{1, 4}, {64, 4}}}));
  const auto first = create_context(*engine);
  const auto second = create_context(*engine);
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  ASSERT_THAT(run_rows(*first, x, y, 2), is_ok());
  ASSERT_THAT(run_rows(*second, x, y, 64), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtOlderPlans, ThatDoNotShareProfilesHaveAsManyContexts) {
  auto plan = open_plan({{{1, 4}, {8, 4}}, {{9, 4}, {64, 4}}});
  plan.shares_profiles = false;
  const auto engine = load_older(plan);
  capture_log();
  const auto first = create_context(*engine);
  const auto second = create_context(*engine);
  EXPECT_THAT(engine->create_context(std::nullopt),
              fails_with(ErrorCode::kOutOfMemory, HasSubstr("kPROFILE_SHARING_0806")));
  const auto x = filled(256, 41);
  const auto y = filled(256, 0);
  EXPECT_THAT(run_rows(*first, x, y, 64), fails_with(ErrorCode::kOutOfMemory)) << "the other context has that profile";
  EXPECT_THAT(run_rows(*second, x, y, 64), is_ok());
}

TEST_P(TensorRtOlderPlans, HaveTheirVersionNumbersReadably) {
  auto plan = fixed_plan({4});
  plan.log = {{1, "created before \x0a.0\nand more\n"}};
  capture_log();
  const auto engine = load(plan);
  EXPECT_EQ(log_lines_about("created before 10.0 and more"), 1);
}

}  // namespace
}  // namespace etrt::engine::tensorrt
