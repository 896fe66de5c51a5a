// The option warm_up: shapes that a program is run with when it is loaded.

#include <delegate_fixture.h>

#include <delegate/warm_up.h>
#include <etrt/report.h>

namespace etrt::test {
namespace {

using delegate::parse_shape_sets;
using delegate::ShapeSet;
using engine::Dims;

TEST(WarmUpShapes, AreSetsOfOneShapeAnInput) {
  const auto sets = parse_shape_sets("2x4,scalar; 15x1x8x8 , 0");
  ASSERT_THAT(sets, is_ok());
  EXPECT_EQ(*sets, (std::vector<ShapeSet>{{Dims{2, 4}, Dims()}, {Dims{15, 1, 8, 8}, Dims{0}}}));
  EXPECT_TRUE(must(parse_shape_sets("")).empty());
}

TEST(WarmUpShapes, ThatAreMalformedAreRefused) {
  for (const char* text : {"x", "2x", "2xx4", "-1", "2.5", "a", "2;;3", "1x1x1x1x1x1x1x1x1", "99999999999"}) {
    EXPECT_THAT(parse_shape_sets(text), fails_with(ErrorCode::kInvalidArgument)) << text;
  }
}

class WarmUp : public DelegateTest {
 protected:
  Result<std::unique_ptr<delegate::Handle>> load_warm(const KernelPlan& plan, std::vector<ShapeSet> sets) const {
    delegate::Options options;
    options.warm_up = std::move(sets);
    return try_load(blob_of(plan), options);
  }
};
ETRT_ON_EVERY_DEVICE(WarmUp);

TEST_P(WarmUp, LetsTheFirstCallBeCaptured) {
  const auto handle = load_warm(KernelPlan::dynamic(1, 8), {{Dims{3, 4}}, {Dims{2, 4}}});
  ASSERT_THAT(handle, is_ok());
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  const auto exec = capture(stream, [&] {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(**handle, in.tensor, out.tensor), is_ok());
  });
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), std::vector<std::int32_t>(8, 6));
}

TEST_P(WarmUp, CountsNoCallOfTheCallers) {
  const auto handle = load_warm(KernelPlan::dynamic(1, 8), {{Dims{3, 4}}});
  ASSERT_THAT(handle, is_ok());
  EXPECT_EQ(report().programs.back().calls, 0u);
}

TEST_P(WarmUp, OfAShapeThatDoesNotFitFailsTheLoadAndLeavesNothingBehind) {
  EXPECT_THAT(load_warm(KernelPlan::dynamic(1, 8), {{Dims{9, 4}}}), fails_with(ErrorCode::kInvalidArgument));
  EXPECT_THAT(load_warm(KernelPlan::dynamic(1, 8), {{Dims{2, 4}, Dims{2, 4}}}),
              fails_with(ErrorCode::kInvalidArgument));
}

TEST_P(WarmUp, OfEmptyTensorsRuns) {
  EXPECT_THAT(load_warm(KernelPlan::dynamic(0, 8), {{Dims{0, 4}}}), is_ok());
}

}  // namespace
}  // namespace etrt::test
