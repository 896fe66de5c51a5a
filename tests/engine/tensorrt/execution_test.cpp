// One context from its shapes to its results.
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using ::testing::Each;

class TensorRtExecution : public TensorRtTest {};
ETRT_ON_EVERY_PROVIDER(TensorRtExecution);

TEST_P(TensorRtExecution, ComputesWhatThePlanSays) {
  const auto engine = load(fixed_plan({4, 8}));
  const auto context = create_context(*engine);
  const auto x = filled(32, 41);
  const auto y = filled(32, 0);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

}  // namespace
}  // namespace etrt::engine::tensorrt
