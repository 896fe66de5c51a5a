#include <utility>

#include <cuda/current_context.h>
#include <cuda/fake_table.h>
#include <support/matchers.h>
#include <support/must.h>

namespace etrt::cuda {
namespace {

using support::fails_with;
using support::must;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CurrentContextTest : public ::testing::Test {
 protected:
  CurrentContext ensure(CUdevice device) const {
    return must(CurrentContext::ensure(table.driver(), device, FakeTable::context_of(device)));
  }

  FakeTable table;
};

TEST_F(CurrentContextTest, LeavesAContextOfTheDeviceAloneAlsoWhenItIsNotThePrimaryOne) {
  const CUcontext green = FakeTable::context_of(0, 5);
  table.context_stack = {green};
  {
    const auto scope = ensure(0);
    EXPECT_THAT(table.context_stack, ElementsAre(green));
  }
  EXPECT_THAT(table.context_stack, ElementsAre(green));
}

TEST_F(CurrentContextTest, CostsOneCallWhenThePrimaryContextIsCurrent) {
  table.context_stack = {FakeTable::context_of(0)};
  { const auto scope = ensure(0); }
  EXPECT_THAT(table.calls, ElementsAre("cuCtxGetCurrent"));
}

TEST_F(CurrentContextTest, PushesThePrimaryContextOfAnotherDeviceAndPopsIt) {
  const CUcontext callers = FakeTable::context_of(0, 5);
  table.context_stack = {callers};
  {
    const auto scope = ensure(1);
    EXPECT_THAT(table.context_stack, ElementsAre(callers, FakeTable::context_of(1)));
  }
  EXPECT_THAT(table.context_stack, ElementsAre(callers));
}

TEST_F(CurrentContextTest, PushesWhereNoContextIsCurrentAndLeavesNone) {
  {
    const auto scope = ensure(0);
    EXPECT_THAT(table.context_stack, ElementsAre(FakeTable::context_of(0)));
  }
  EXPECT_THAT(table.context_stack, IsEmpty());
}

TEST_F(CurrentContextTest, PushesOverAContextThatWasDestroyedAndLeavesIt) {
  const CUcontext gone = FakeTable::context_of(0, 5);
  table.context_stack = {gone};
  table.current_is_destroyed = true;
  {
    const auto scope = ensure(0);
    EXPECT_THAT(table.context_stack, ElementsAre(gone, FakeTable::context_of(0)));
  }
  EXPECT_THAT(table.context_stack, ElementsAre(gone));
}

TEST_F(CurrentContextTest, ScopesNest) {
  {
    const auto outer = ensure(0);
    {
      const auto inner = ensure(1);
      const auto innermost = ensure(1);
      EXPECT_THAT(table.context_stack, ElementsAre(FakeTable::context_of(0), FakeTable::context_of(1)));
    }
    EXPECT_THAT(table.context_stack, ElementsAre(FakeTable::context_of(0)));
  }
  EXPECT_THAT(table.context_stack, IsEmpty());
}

TEST_F(CurrentContextTest, PopsOnceAfterAMove) {
  table.context_stack = {FakeTable::context_of(0)};
  {
    auto first = ensure(1);
    const auto second = std::move(first);
    EXPECT_THAT(table.context_stack, ElementsAre(FakeTable::context_of(0), FakeTable::context_of(1)));
  }
  EXPECT_THAT(table.context_stack, ElementsAre(FakeTable::context_of(0)));
}

TEST_F(CurrentContextTest, PushesWhateverIsCurrentWhenTold) {
  const CUcontext green = FakeTable::context_of(0, 5);
  table.context_stack = {FakeTable::context_of(0)};
  {
    const auto scope = must(CurrentContext::push(table.driver(), green));
    EXPECT_THAT(table.context_stack, ElementsAre(FakeTable::context_of(0), green));
  }
  EXPECT_THAT(table.context_stack, ElementsAre(FakeTable::context_of(0)));
}

TEST_F(CurrentContextTest, AFailureToAskWhatIsCurrentIsAnErrorAndPushesNothing) {
  table.answer = CUDA_ERROR_INVALID_HANDLE;
  EXPECT_THAT(CurrentContext::ensure(table.driver(), 0, FakeTable::context_of(0)), fails_with(ErrorCode::kDriver));
  EXPECT_THAT(table.context_stack, IsEmpty());
  EXPECT_THAT(table.calls, ElementsAre("cuCtxGetCurrent"));
}

TEST_F(CurrentContextTest, AFailureToPushIsAnErrorAndPopsNothing) {
  table.answer = CUDA_ERROR_INVALID_HANDLE;
  EXPECT_THAT(CurrentContext::push(table.driver(), FakeTable::context_of(0)), fails_with(ErrorCode::kDriver));
  EXPECT_THAT(table.calls, ElementsAre("cuCtxPushCurrent"));
}

}  // namespace
}  // namespace etrt::cuda
