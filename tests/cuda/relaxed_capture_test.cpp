#include <utility>

#include <cuda/fake_table.h>
#include <cuda/relaxed_capture.h>
#include <support/matchers.h>
#include <support/must.h>

namespace etrt::cuda {
namespace {

using support::fails_with;
using support::must;
using ::testing::SizeIs;

class RelaxedCaptureTest : public ::testing::Test {
 protected:
  FakeTable table;
};

TEST_F(RelaxedCaptureTest, TheThreadGetsItsModeBack) {
  for (const auto mode : {CU_STREAM_CAPTURE_MODE_GLOBAL, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL}) {
    table.capture_mode = mode;
    {
      const auto outer = must(RelaxedCapture::enter(table.driver()));
      EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_RELAXED);
      { const auto inner = must(RelaxedCapture::enter(table.driver())); }
      EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_RELAXED);
    }
    EXPECT_EQ(table.capture_mode, mode);
  }
}

TEST_F(RelaxedCaptureTest, AMovedScopeEndsOnce) {
  {
    auto first = must(RelaxedCapture::enter(table.driver()));
    const auto second = std::move(first);
    table.calls.clear();
  }
  EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
  EXPECT_THAT(table.calls, SizeIs(1));
}

TEST_F(RelaxedCaptureTest, ARefusalIsAnErrorAndLeavesTheModeAlone) {
  table.answer = CUDA_ERROR_UNKNOWN;
  EXPECT_THAT(RelaxedCapture::enter(table.driver()), fails_with(ErrorCode::kDriver));
  EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
  EXPECT_THAT(table.calls, SizeIs(1));
}

TEST_F(RelaxedCaptureTest, CleanupAsksAgainWhereTheDriverRefusesOnce) {
  table.refusals = 1;
  {
    const auto scope = RelaxedCapture::enter_for_cleanup(table.driver());
    EXPECT_TRUE(scope.has_value());
    EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_RELAXED);
  }
  EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

TEST_F(RelaxedCaptureTest, CleanupIsToldWhereTheDriverGoesOnRefusing) {
  table.refusals = 2;
  EXPECT_FALSE(RelaxedCapture::enter_for_cleanup(table.driver()).has_value());
  EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

TEST_F(RelaxedCaptureTest, TheModeComesBackAlsoWhereTheDriverRefusesOnce) {
  {
    const auto scope = must(RelaxedCapture::enter(table.driver()));
    table.refusals = 1;
  }
  EXPECT_EQ(table.capture_mode, CU_STREAM_CAPTURE_MODE_GLOBAL);
}

}  // namespace
}  // namespace etrt::cuda
