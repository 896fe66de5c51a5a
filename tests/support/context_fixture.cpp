#include <chrono>

#include <cuda/error.h>
#include <support/context_fixture.h>

namespace etrt::support {
namespace {

using std::chrono::microseconds;

// Enough one-thread blocks, for long enough, that a scheduler uses every SM it may: an H200 holds 32 on each of 132
// SMs.
constexpr std::uint32_t kSpreadBlocks = 1024;
constexpr microseconds kSpreadStay{50};

}  // namespace

void ContextFixture::SetUp() {
  provider_ = open_or_skip(GetParam());
  if (provider_ == nullptr) return;
  provider_->keep_contexts();
  ASSERT_THAT(driver().cuDevicePrimaryCtxRetain(&primary_, device()), is_ok());
  ASSERT_THAT(driver().cuCtxSetCurrent(primary_), is_ok());
  kernels_.emplace(must(KernelLibrary::load(driver(), provider_->kernel_image())));
  gates_ = must(provider_->create_gates(*kernels_));
  chance_.emplace(create_stream());
}

void ContextFixture::TearDown() {
  if (provider_ == nullptr) return;
  if (primary_ != nullptr) {
    EXPECT_EQ(current(), primary_) << "the test left another context current";
    static_cast<void>(driver().cuCtxSetCurrent(primary_));
    EXPECT_THAT(driver().cuCtxSynchronize(), is_ok());
    chance_.reset();
    gates_.reset();
    kernels_.reset();
    check_what_is_left();
    static_cast<void>(driver().cuCtxSetCurrent(nullptr));
    EXPECT_THAT(driver().cuDevicePrimaryCtxRelease(device()), is_ok());
  }
  provider_.reset();
}

void ContextFixture::check_what_is_left() {
  for (const auto& report : provider_->take_order_reports()) {
    if (!order_reports_expected_) ADD_FAILURE() << "order checker: " << report;
  }
  for (const auto& line : provider_->leaks()) ADD_FAILURE() << "leak: " << line;
}

void ContextFixture::give_others_a_chance() {
  EXPECT_THAT(kernels().spin(chance_->get(), microseconds(200)), is_ok());
  EXPECT_THAT(synchronize(*chance_), is_ok());
}

std::set<std::uint32_t> ContextFixture::sms_used_on(CUstream stream) const {
  PinnedBuffer out(driver(), kSpreadBlocks);
  EXPECT_THAT(kernels().record_sm(stream, out.address(), kSpreadBlocks, kSpreadStay), is_ok());
  EXPECT_THAT(driver().cuStreamSynchronize(stream), is_ok());
  return {out.values().begin(), out.values().end()};
}

CUcontext ContextFixture::current() const {
  CUcontext context = nullptr;
  EXPECT_THAT(driver().cuCtxGetCurrent(&context), is_ok());
  return context;
}

bool ContextFixture::partitions_supported() const {
  if (driver().has_partitions()) return true;
  [] { GTEST_SKIP() << "this driver has no green contexts"; }();
  return false;
}

}  // namespace etrt::support
