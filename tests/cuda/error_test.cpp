#include <cuda/error.h>
#include <cuda/fake_table.h>
#include <support/matchers.h>

namespace etrt::cuda {
namespace {

using support::fails_with;
using support::is_ok;
using ::testing::HasSubstr;
using ::testing::Not;

class ErrorTest : public ::testing::Test {
 protected:
  FakeTable table;
};

TEST_F(ErrorTest, SuccessIsNone) {
  EXPECT_THAT(check(table.driver(), CUDA_SUCCESS, "cuEventQuery"), is_ok());
}

TEST_F(ErrorTest, AFailureNamesTheCallTheCodeAndThePlace) {
  const Status status = check(table.driver(), CUDA_ERROR_INVALID_HANDLE, "cuEventQuery");
  ASSERT_THAT(status, fails_with(ErrorCode::kDriver));
  EXPECT_THAT(status.error().message(),
              HasSubstr("cuEventQuery failed with CUDA_ERROR_INVALID_HANDLE (400): invalid resource handle"));
  EXPECT_THAT(status.error().message(), HasSubstr("[error_test.cpp:"));
  EXPECT_THAT(status.error().message(), Not(HasSubstr("/")));
}

TEST_F(ErrorTest, OutOfMemoryHasACodeOfItsOwn) {
  EXPECT_THAT(check(table.driver(), CUDA_ERROR_OUT_OF_MEMORY, "cuMemAlloc"), fails_with(ErrorCode::kOutOfMemory));
}

TEST_F(ErrorTest, AForkedChildIsToldWhatToDo) {
  const Status status = check(table.driver(), CUDA_ERROR_NOT_INITIALIZED, "cuCtxGetDevice");
  ASSERT_THAT(status, fails_with(ErrorCode::kDriver));
  EXPECT_THAT(status.error().message(), HasSubstr("forked"));
}

TEST_F(ErrorTest, AnErrorThatTheDriverCannotNameIsDescribedByItsNumber) {
  EXPECT_EQ(describe(table.driver(), static_cast<CUresult>(1000)), "unknown CUDA error (1000): no description");
}

TEST_F(ErrorTest, SymbolsHaveTheNamesOfTheirEntryPoints) {
  EXPECT_EQ(name(Symbol::k_cuInit), "cuInit");
  EXPECT_EQ(name(Symbol::k_cuEventRecord), "cuEventRecord");
  EXPECT_EQ(name(Symbol::k_cuStreamGetDevice), "cuStreamGetDevice");
}

}  // namespace
}  // namespace etrt::cuda
