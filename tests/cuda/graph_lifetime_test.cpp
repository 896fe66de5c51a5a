#include <memory>

#include <cuda/fake_table.h>
#include <cuda/graph_lifetime.h>
#include <support/matchers.h>

// Conformance tests say what happens with a driver that has user objects.

namespace etrt::cuda {
namespace {

using support::fails_with;
using ::testing::IsEmpty;

TEST(GraphLifetime, ADriverWithoutUserObjectsIsNotSupportedAndNotCalled) {
  FakeTable table;
  auto held = std::make_shared<int>(0);
  const std::weak_ptr<int> alive = held;
  EXPECT_THAT(keep_with_captured_graph(table.driver(), CU_STREAM_LEGACY, std::move(held)),
              fails_with(ErrorCode::kNotSupported));
  EXPECT_TRUE(alive.expired());
  EXPECT_THAT(table.calls, IsEmpty());
}

}  // namespace
}  // namespace etrt::cuda
