// CallCounter, FaultInjector, and the table that carries them.
#include <vector>

#include <cuda/call_counter.h>
#include <cuda/decorated_driver.h>
#include <cuda/fake_table.h>
#include <support/fault_injector.h>
#include <support/matchers.h>

namespace etrt::cuda {
namespace {

using support::fails_with;
using support::FaultInjector;
using support::is_ok;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Writes down what it sees.
class Witness final : public CallHook {
 public:
  std::optional<CUresult> before(Symbol symbol) override {
    seen.push_back("before " + std::string(name(symbol)));
    return std::nullopt;
  }
  void after(Symbol symbol, CUresult result) override {
    seen.push_back("after " + std::string(name(symbol)) + " " + std::to_string(static_cast<int>(result)));
  }

  std::vector<std::string> seen;
};

TEST(DecoratedDriver, PassesArgumentsAndAnswersThrough) {
  FakeTable inner;
  CallCounter counter;
  const DecoratedDriver decorated(inner.driver(), counter);
  CUevent event = nullptr;
  ASSERT_THAT(decorated.table().cuEventCreate(&event, 0), is_ok());
  EXPECT_THAT(inner.live_events, ElementsAre(event));
  inner.answer = CUDA_ERROR_NOT_READY;
  EXPECT_THAT(decorated.table().cuEventQuery(event), fails_with(CUDA_ERROR_NOT_READY));
}

TEST(DecoratedDriver, CallsItsHookBeforeAndAfter) {
  FakeTable inner;
  Witness witness;
  const DecoratedDriver decorated(inner.driver(), witness);
  inner.answer = CUDA_ERROR_NOT_READY;
  static_cast<void>(decorated.table().cuEventQuery(nullptr));
  EXPECT_THAT(witness.seen, ElementsAre("before cuEventQuery", "after cuEventQuery 600"));
}

TEST(DecoratedDriver, LacksWhatTheInnerTableLacks) {
  FakeTable inner;
  CallCounter counter;
  const DecoratedDriver decorated(inner.driver(), counter);
  EXPECT_TRUE(decorated.table().cuEventQuery);
  EXPECT_FALSE(decorated.table().cuGreenCtxCreate);
  EXPECT_FALSE(decorated.table().has_partitions());
}

TEST(CallCounter, CountsByEntryPoint) {
  FakeTable inner;
  CallCounter counter;
  const DecoratedDriver decorated(inner.driver(), counter);
  static_cast<void>(decorated.table().cuEventQuery(nullptr));
  static_cast<void>(decorated.table().cuEventQuery(nullptr));
  static_cast<void>(decorated.table().cuCtxPushCurrent(nullptr));
  EXPECT_EQ(counter.count(Symbol::k_cuEventQuery), 2u);
  EXPECT_EQ(counter.count(Symbol::k_cuCtxPushCurrent), 1u);
  EXPECT_EQ(counter.count(Symbol::k_cuEventRecord), 0u);
  EXPECT_EQ(counter.total(), 3u);
}

TEST(CallCounter, StartsAgainAfterAReset) {
  FakeTable inner;
  CallCounter counter;
  const DecoratedDriver decorated(inner.driver(), counter);
  static_cast<void>(decorated.table().cuEventQuery(nullptr));
  counter.reset();
  EXPECT_EQ(counter.total(), 0u);
}

class FaultInjectorTest : public ::testing::Test {
 protected:
  CUresult query() const { return decorated.table().cuEventQuery(nullptr); }
  CUresult push() const { return decorated.table().cuCtxPushCurrent(FakeTable::context_of(0)); }

  FakeTable inner;
  FaultInjector injector;
  DecoratedDriver decorated{inner.driver(), injector};
};

TEST_F(FaultInjectorTest, PassesEverythingUntilToldOtherwise) {
  EXPECT_THAT(query(), is_ok());
  EXPECT_EQ(injector.delivered(), 0u);
}

TEST_F(FaultInjectorTest, FailsTheNthCallOfAnEntryPointAndNoOther) {
  injector.fail(Symbol::k_cuEventQuery, 2, CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_THAT(query(), is_ok());
  EXPECT_THAT(push(), is_ok());
  EXPECT_THAT(query(), fails_with(CUDA_ERROR_ILLEGAL_ADDRESS));
  EXPECT_THAT(query(), is_ok());
  EXPECT_EQ(injector.delivered(), 1u);
  EXPECT_EQ(injector.last(), Symbol::k_cuEventQuery);
}

TEST_F(FaultInjectorTest, DoesNotMakeTheCallThatItFails) {
  injector.fail(Symbol::k_cuCtxPushCurrent, 1, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_THAT(push(), fails_with(CUDA_ERROR_OUT_OF_MEMORY));
  EXPECT_THAT(inner.context_stack, IsEmpty());
  EXPECT_THAT(inner.calls, IsEmpty());
}

TEST_F(FaultInjectorTest, FailsTheNthCallWhicheverItIs) {
  injector.fail_any(2, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(query(), is_ok());
  EXPECT_THAT(push(), fails_with(CUDA_ERROR_UNKNOWN));
  EXPECT_THAT(query(), is_ok());
  EXPECT_EQ(injector.last(), Symbol::k_cuCtxPushCurrent);
}

TEST_F(FaultInjectorTest, DoesNotCountQuestionsAboutErrors) {
  injector.fail_any(1, CUDA_ERROR_UNKNOWN);
  const char* text = nullptr;
  EXPECT_THAT(decorated.table().cuGetErrorName(CUDA_ERROR_INVALID_HANDLE, &text), is_ok());
  EXPECT_THAT(decorated.table().cuGetErrorString(CUDA_ERROR_INVALID_HANDLE, &text), is_ok());
  EXPECT_THAT(query(), fails_with(CUDA_ERROR_UNKNOWN));
}

TEST_F(FaultInjectorTest, DeliversSeveralFaults) {
  injector.fail(Symbol::k_cuEventQuery, 1, CUDA_ERROR_NOT_READY);
  injector.fail(Symbol::k_cuEventQuery, 2, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(query(), fails_with(CUDA_ERROR_NOT_READY));
  EXPECT_THAT(query(), fails_with(CUDA_ERROR_UNKNOWN));
  EXPECT_THAT(query(), is_ok());
  EXPECT_EQ(injector.delivered(), 2u);
}

TEST_F(FaultInjectorTest, ForgetsItsFaultsWhenCleared) {
  injector.fail(Symbol::k_cuEventQuery, 1, CUDA_ERROR_UNKNOWN);
  injector.clear();
  EXPECT_THAT(query(), is_ok());
  EXPECT_EQ(injector.delivered(), 0u);
}

TEST(Decorators, StackAndTheOuterOneSeesWhatTheInnerOneFails) {
  FakeTable inner;
  FaultInjector injector;
  CallCounter reached;
  CallCounter asked;
  const DecoratedDriver counted(inner.driver(), reached);
  const DecoratedDriver failing(counted.table(), injector);
  const DecoratedDriver outer(failing.table(), asked);
  injector.fail(Symbol::k_cuEventQuery, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(outer.table().cuEventQuery(nullptr), fails_with(CUDA_ERROR_UNKNOWN));
  EXPECT_THAT(outer.table().cuEventQuery(nullptr), is_ok());
  EXPECT_EQ(asked.count(Symbol::k_cuEventQuery), 2u);
  EXPECT_EQ(reached.count(Symbol::k_cuEventQuery), 1u);
}

}  // namespace
}  // namespace etrt::cuda
