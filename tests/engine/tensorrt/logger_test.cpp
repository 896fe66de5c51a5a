// TensorRT's log in ExecuTorch's.
#include <tensorrt/captured_log.h>
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class TensorRtLog : public TensorRtTest {
 protected:
  void SetUp() override {
    TensorRtTest::SetUp();
    capture_log();
  }

  /// What an engine that says this at this severity leaves in the log.
  LogLines lines_of(int severity, const std::string& text) const {
    auto plan = fixed_plan({4});
    plan.log = {{severity, text}};
    const auto engine = load(plan);
    return log_lines();
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtLog);

TEST_P(TensorRtLog, WhatTheNullStreamCostsIsToldOncePerEngine) {
  const auto engine = load(fixed_plan({16}));
  const auto context = create_context(*engine);
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_EQ(log_lines_about("null stream"), 0);
  const CUstream null = nullptr;
  for (const CUstream stream : {null, CU_STREAM_LEGACY}) {
    ASSERT_THAT(context->enqueue(stream), is_ok());
    ASSERT_THAT(driver().cuStreamSynchronize(stream), is_ok());
  }
  EXPECT_EQ(log_lines_about("null stream"), 1);
}

TEST_P(TensorRtLog, ErrorsAreErrors) {
  EXPECT_THAT(lines_of(0, "broken inside"), Contains(Pair('E', HasSubstr("broken inside"))));
  EXPECT_THAT(lines_of(1, "asked wrongly"), Contains(Pair('E', HasSubstr("asked wrongly"))));
}

TEST_P(TensorRtLog, WarningsAreInformation) {
  EXPECT_THAT(lines_of(2, "slow here"), Contains(Pair('I', HasSubstr("warns: slow here"))));
}

TEST_P(TensorRtLog, TheRestIsForDebugging) {
  for (const int severity : {3, 4}) {
    EXPECT_THAT(lines_of(severity, "chatter"), Not(Contains(Pair('E', HasSubstr("chatter")))));
    EXPECT_THAT(lines_of(severity, "chatter"), Not(Contains(Pair('I', HasSubstr("chatter")))));
  }
}

TEST_P(TensorRtLog, WhatAnEngineIsAskedForItsBoundsIsNoError) {
  auto plan = fixed_plan({12});
  plan.inputs.push_back({.name = "s", .dims = {2}, .host = true});
  plan.inputs[1].profiles = {{{2}, {2}, {2}, {1, 1}, {12, 12}, {3, 4}}};
  plan.outputs[0].reshaped_by = 1;
  const auto engine = load(plan);
  EXPECT_THAT(log_lines(), Not(Contains(Pair('E', ::testing::_))));
}

}  // namespace
}  // namespace etrt::engine::tensorrt
