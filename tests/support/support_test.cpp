// The tests' own tools.
#include <array>

#include <gtest/gtest-spi.h>

#include <support/context_fixture.h>

namespace etrt::support {
namespace {

using ::testing::Each;

// Matchers.

TEST(Matchers, NameTheResultTheyMeet) {
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT(CUDA_ERROR_NOT_READY, is_ok()), "CUDA_ERROR_NOT_READY");
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT(CUDA_SUCCESS, fails_with(CUDA_ERROR_NOT_READY)), "is CUDA_ERROR_NOT_READY");
}

TEST(Matchers, GiveTheMessageOfAnError) {
  EXPECT_NONFATAL_FAILURE(EXPECT_THAT(Status(Error(ErrorCode::kNotFound, "no such thing")), is_ok()), "no such thing");
}

TEST(Matchers, TellErrorCodesApart) {
  const Status status = Error(ErrorCode::kNotFound, "no such thing");
  EXPECT_THAT(status, fails_with(ErrorCode::kNotFound));
  EXPECT_THAT(status, ::testing::Not(fails_with(ErrorCode::kInternal)));
  EXPECT_THAT(Status(), ::testing::Not(fails_with(ErrorCode::kNotFound)));
}

// Providers.

TEST(Providers, AreBothThere) {
  ASSERT_EQ(providers().size(), 2u);
  EXPECT_EQ(providers()[0].name, "vgpu");
  EXPECT_EQ(providers()[1].name, "cuda");
}

TEST(Providers, OneThatIsThereButBrokenFailsTheTest) {
  static const ProviderInfo broken{
      "broken", []() -> Result<std::unique_ptr<Provider>> { return Error(ErrorCode::kDriver, "it smokes"); }};
  EXPECT_FATAL_FAILURE(open_or_skip(broken), "provider broken: it smokes");
}

// Gates: both kinds, on every provider that can run them.

class Gates : public ContextFixture {
 protected:
  void freezes_and_opens(GateKeeper& keeper) {
    const auto out = create_pinned();
    const auto stream = create_stream();
    {
      const Gate gate(keeper, stream.get());
      gate.wait_until_reached();
      ASSERT_THAT(kernels().fill_u32(stream.get(), out.address(), 7, out.count()), is_ok());
      give_others_a_chance();
      EXPECT_THAT(out.values(), Each(0u));
    }
    EXPECT_THAT(synchronize(stream), is_ok());
    EXPECT_THAT(out.values(), Each(7u));
  }

  void opens_in_any_order(GateKeeper& keeper) {
    const std::array streams{create_stream(), create_stream(), create_stream()};
    Gate first(keeper, streams[0].get());
    Gate second(keeper, streams[1].get());
    Gate third(keeper, streams[2].get());
    third.open();
    EXPECT_THAT(synchronize(streams[2]), is_ok());
    first.open();
    EXPECT_THAT(synchronize(streams[0]), is_ok());
    EXPECT_THAT(driver().cuStreamQuery(streams[1].get()), fails_with(CUDA_ERROR_NOT_READY));
    second.open();
    EXPECT_THAT(synchronize(streams[1]), is_ok());
  }
};
ETRT_ON_EVERY_PROVIDER(Gates);

TEST_P(Gates, OfTheProviderFreezeAStreamUntilTheyAreDestroyed) {
  const auto keeper = must(provider().create_gates(kernels()));
  freezes_and_opens(*keeper);
}

TEST_P(Gates, OfTheProviderOpenInAnyOrder) {
  const auto keeper = must(provider().create_gates(kernels()));
  opens_in_any_order(*keeper);
}

TEST_P(Gates, OfKernelsFreezeAStreamUntilTheyAreDestroyed) {
  const auto keeper = must(create_kernel_gates(driver(), kernels()));
  freezes_and_opens(*keeper);
}

TEST_P(Gates, OfKernelsOpenInAnyOrder) {
  const auto keeper = must(create_kernel_gates(driver(), kernels()));
  opens_in_any_order(*keeper);
}

}  // namespace
}  // namespace etrt::support
