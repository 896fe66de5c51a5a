// TensorRT's log in ExecuTorch's.
#include <algorithm>
#include <mutex>
#include <tensorrt/tensorrt_fixture.h>

#include <executorch/runtime/platform/platform.h>

namespace etrt::engine::tensorrt {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

using Lines = std::vector<std::pair<char, std::string>>;

struct Log {
  std::mutex mutex;
  Lines lines;
};

Log& log() {
  static Log instance;
  return instance;
}

void receive(et_timestamp_t, et_pal_log_level_t level, const char*, const char*, std::size_t, const char* message,
             std::size_t length) {
  const std::lock_guard lock(log().mutex);
  log().lines.emplace_back(static_cast<char>(level), std::string(message, length));
}

class TensorRtLog : public TensorRtTest {
 protected:
  void SetUp() override {
    // The process has one log: the tests of this file read what comes after they began.
    static_cast<void>(executorch::runtime::register_pal(executorch::runtime::PalImpl::create(receive, __FILE__)));
    TensorRtTest::SetUp();
    const std::lock_guard lock(log().mutex);
    log().lines.clear();
  }

  static std::ptrdiff_t lines_about(const std::string& text) {
    const std::lock_guard lock(log().mutex);
    return std::count_if(log().lines.begin(), log().lines.end(),
                         [&](const auto& line) { return line.second.find(text) != std::string::npos; });
  }

  /// What an engine that says this at this severity leaves in the log.
  Lines lines_of(int severity, const std::string& text) const {
    auto plan = fixed_plan({4});
    plan.log = {{severity, text}};
    const auto engine = load(plan);
    const std::lock_guard lock(log().mutex);
    return log().lines;
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
  EXPECT_EQ(lines_about("null stream"), 0);
  const CUstream null = nullptr;
  for (const CUstream stream : {null, CU_STREAM_LEGACY}) {
    ASSERT_THAT(context->enqueue(stream), is_ok());
    ASSERT_THAT(driver().cuStreamSynchronize(stream), is_ok());
  }
  EXPECT_EQ(lines_about("null stream"), 1);
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
  const std::lock_guard lock(log().mutex);
  EXPECT_THAT(log().lines, Not(Contains(Pair('E', ::testing::_))));
}

}  // namespace
}  // namespace etrt::engine::tensorrt
