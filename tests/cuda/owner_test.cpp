#include <optional>
#include <type_traits>
#include <utility>

#include <cuda/fake_table.h>
#include <cuda/owner.h>
#include <cuda/owners.h>
#include <support/matchers.h>
#include <support/must.h>

namespace etrt::cuda {
namespace {

using support::must;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OwnerTest : public ::testing::Test {
 protected:
  Event create() const { return must(create_event(table.driver())); }

  FakeTable table;
};

TEST_F(OwnerTest, DestroysItsHandleAtTheEndOfItsLife) {
  {
    const Event event = create();
    EXPECT_TRUE(event);
    EXPECT_THAT(table.live_events, ElementsAre(event.get()));
  }
  EXPECT_THAT(table.live_events, IsEmpty());
}

TEST_F(OwnerTest, DestroysItsHandleOnce) {
  {
    Event event = create();
    event.reset();
    event.reset();
    EXPECT_FALSE(event);
  }
  EXPECT_THAT(table.calls, ElementsAre("cuEventCreate", "cuEventDestroy"));
}

TEST_F(OwnerTest, IsEmptyAfterAMoveAndDestroysNothing) {
  Event first = create();
  const CUevent handle = first.get();
  {
    const Event second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_EQ(first.get(), nullptr);
    EXPECT_EQ(second.get(), handle);
  }
  first.reset();
  EXPECT_THAT(table.calls, ElementsAre("cuEventCreate", "cuEventDestroy"));
}

TEST_F(OwnerTest, DestroysItsOwnHandleWhenItIsAssignedAnother) {
  Event first = create();
  Event second = create();
  const CUevent kept = second.get();
  first = std::move(second);
  EXPECT_EQ(first.get(), kept);
  EXPECT_THAT(table.live_events, ElementsAre(kept));
}

TEST_F(OwnerTest, SurvivesAnAssignmentOfItself) {
  Event event = create();
  const CUevent handle = event.get();
  Event& same = event;
  event = std::move(same);
  EXPECT_EQ(event.get(), handle);
  EXPECT_THAT(table.live_events, ElementsAre(handle));
}

TEST_F(OwnerTest, GivesItsHandleUpOnRelease) {
  CUevent handle = nullptr;
  {
    Event event = create();
    handle = event.release();
    EXPECT_FALSE(event);
  }
  EXPECT_THAT(table.live_events, ElementsAre(handle));
}

TEST_F(OwnerTest, OwnsTheNullHandleToo) {
  // The legacy stream and device 0 are null handles: whether an owner is empty is not a matter of the handle.
  const Owner<CUevent, &Driver::cuEventDestroy> owner(table.driver(), nullptr);
  EXPECT_TRUE(owner);
}

TEST_F(OwnerTest, IgnoresTheAnswerOfADriverThatIsGone) {
  {
    const Event event = create();
    table.answer = CUDA_ERROR_DEINITIALIZED;
  }
  EXPECT_THAT(table.calls, ElementsAre("cuEventCreate", "cuEventDestroy"));
}

TEST_F(OwnerTest, IsNotCopied) {
  EXPECT_FALSE(std::is_copy_constructible_v<Event>);
  EXPECT_FALSE(std::is_copy_assignable_v<Event>);
  EXPECT_TRUE(std::is_nothrow_move_constructible_v<Event>);
}

TEST_F(OwnerTest, IsNotMadeWhenTheDriverRefuses) {
  table.answer = CUDA_ERROR_OUT_OF_MEMORY;
  EXPECT_THAT(create_event(table.driver()), support::fails_with(ErrorCode::kOutOfMemory));
  EXPECT_THAT(table.live_events, IsEmpty());
}

// References: borrowed handles, with no accidental conversion from a literal.

TEST(Refs, AreNotMadeFromLiterals) {
  EXPECT_FALSE((std::is_constructible_v<StreamRef, int>));
  EXPECT_FALSE((std::is_constructible_v<StreamRef, std::nullptr_t>));
  EXPECT_TRUE((std::is_convertible_v<CUstream, StreamRef>));
}

TEST(Refs, OfStreamsCompareByHandle) {
  EXPECT_EQ(per_thread_stream(), StreamRef(CU_STREAM_PER_THREAD));
  EXPECT_EQ(legacy_stream(), StreamRef(CU_STREAM_LEGACY));
  EXPECT_FALSE(per_thread_stream() == legacy_stream());
}

TEST(Refs, TellNoStreamFromTheNullStream) {
  const std::optional<StreamRef> none;
  const std::optional<StreamRef> null_stream(CUstream{nullptr});
  EXPECT_FALSE(none.has_value());
  ASSERT_TRUE(null_stream.has_value());
  EXPECT_EQ(null_stream->get(), nullptr);
}

}  // namespace
}  // namespace etrt::cuda
