// What CUDA promises about errors: names, texts, and what a wrong handle gives.
#include <cstring>

#include <conformance/suite.h>
#include <cuda/error.h>

namespace etrt::conformance {
namespace {

class Errors : public ContextFixture {};
ETRT_ON_EVERY_PROVIDER(Errors);

constexpr CUresult kResultsThatEtrtMeets[] = {
    CUDA_SUCCESS,
    CUDA_ERROR_INVALID_VALUE,
    CUDA_ERROR_OUT_OF_MEMORY,
    CUDA_ERROR_NO_DEVICE,
    CUDA_ERROR_INVALID_DEVICE,
    CUDA_ERROR_INVALID_IMAGE,
    CUDA_ERROR_INVALID_CONTEXT,
    CUDA_ERROR_INVALID_HANDLE,
    CUDA_ERROR_NOT_FOUND,
    CUDA_ERROR_NOT_READY,
    CUDA_ERROR_NOT_SUPPORTED,
    CUDA_ERROR_ILLEGAL_STATE,
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
    CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
    CUDA_ERROR_STREAM_CAPTURE_MERGE,
    CUDA_ERROR_STREAM_CAPTURE_UNMATCHED,
    CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
    CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
    CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
    CUDA_ERROR_CAPTURED_EVENT,
    CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD,
};

TEST_P(Errors, HaveTheNamesOfTheirConstants) {
  for (const CUresult result : kResultsThatEtrtMeets) {
    const char* name = nullptr;
    ASSERT_THAT(driver().cuGetErrorName(result, &name), is_ok());
    EXPECT_EQ(name, support::result_name(result));
  }
}

TEST_P(Errors, HaveATextThatSaysMoreThanNothing) {
  for (const CUresult result : kResultsThatEtrtMeets) {
    const char* text = nullptr;
    ASSERT_THAT(driver().cuGetErrorString(result, &text), is_ok());
    ASSERT_NE(text, nullptr);
    EXPECT_GT(std::strlen(text), 0u);
  }
}

TEST_P(Errors, AnUnknownOneHasNoNameAndNoText) {
  const auto unknown = static_cast<CUresult>(1000);
  const char* name = "something";
  const char* text = "something";
  EXPECT_THAT(driver().cuGetErrorName(unknown, &name), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuGetErrorString(unknown, &text), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_EQ(name, nullptr);
  EXPECT_EQ(text, nullptr);
}

TEST_P(Errors, AreDescribedWithTheirNameAndNumber) {
  EXPECT_THAT(cuda::describe(driver(), CUDA_ERROR_INVALID_HANDLE),
              ::testing::StartsWith("CUDA_ERROR_INVALID_HANDLE (400): "));
}

TEST_P(Errors, ANullEventIsAnInvalidHandle) {
  const auto stream = create_stream();
  EXPECT_THAT(driver().cuEventRecord(nullptr, stream.get()), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(driver().cuEventQuery(nullptr), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(driver().cuEventSynchronize(nullptr), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(driver().cuStreamWaitEvent(stream.get(), nullptr, 0), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(driver().cuEventDestroy(nullptr), fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(Errors, TheLegacyStreamCannotBeDestroyed) {
  EXPECT_THAT(driver().cuStreamDestroy(nullptr), fails_with(CUDA_ERROR_INVALID_HANDLE));
}

TEST_P(Errors, ANullOutputIsAnInvalidValue) {
  EXPECT_THAT(driver().cuStreamCreate(nullptr, CU_STREAM_NON_BLOCKING), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuEventCreate(nullptr, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuMemAlloc(nullptr, 64), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Errors, DoNotStick) {
  const auto stream = create_stream();
  ASSERT_THAT(driver().cuEventRecord(nullptr, stream.get()), fails_with(CUDA_ERROR_INVALID_HANDLE));
  EXPECT_THAT(synchronize(stream), is_ok());
  EXPECT_THAT(driver().cuCtxSynchronize(), is_ok());
}

}  // namespace
}  // namespace etrt::conformance
