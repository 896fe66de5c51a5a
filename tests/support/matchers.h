#pragma once

// Matchers for what the code under test answers:
//   EXPECT_THAT(driver().cuEventQuery(event), fails_with(CUDA_ERROR_NOT_READY));
//   EXPECT_THAT(cuda::create_stream(driver()), is_ok());

#include <ostream>
#include <string>

#include <cuda.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <etrt/result.h>

namespace etrt::support {

/// CUDA's name of a result, for those that tests meet; the bare number for others.
std::string result_name(CUresult result);

/// etrt's name of an error code: "kInvalidState".
std::string error_code_name(ErrorCode code);

/// Matches CUDA_SUCCESS, and a `Result` that holds a value.
class IsOk {
 public:
  using is_gtest_matcher = void;

  bool MatchAndExplain(CUresult result, std::ostream* out) const {
    if (out != nullptr) *out << "which is " << result_name(result);
    return result == CUDA_SUCCESS;
  }

  template <class T>
  bool MatchAndExplain(const Result<T>& result, std::ostream* out) const {
    if (out != nullptr && !result.ok()) {
      *out << "which is " << error_code_name(result.error().code()) << ": " << result.error().message();
    }
    return result.ok();
  }

  void DescribeTo(std::ostream* out) const { *out << "succeeds"; }
  void DescribeNegationTo(std::ostream* out) const { *out << "fails"; }
};

inline IsOk is_ok() {
  return {};
}

/// Matches one CUDA error code.
class FailsWithResult {
 public:
  using is_gtest_matcher = void;

  explicit FailsWithResult(CUresult expected) : expected_(expected) {}

  bool MatchAndExplain(CUresult result, std::ostream* out) const {
    if (out != nullptr) *out << "which is " << result_name(result);
    return result == expected_;
  }
  void DescribeTo(std::ostream* out) const { *out << "is " << result_name(expected_); }
  void DescribeNegationTo(std::ostream* out) const { *out << "is not " << result_name(expected_); }

 private:
  CUresult expected_;
};

inline FailsWithResult fails_with(CUresult expected) {
  return FailsWithResult(expected);
}

/// Matches a `Result` that holds an error of one code.
class FailsWithCode {
 public:
  using is_gtest_matcher = void;

  explicit FailsWithCode(ErrorCode expected) : expected_(expected) {}

  template <class T>
  bool MatchAndExplain(const Result<T>& result, std::ostream* out) const {
    if (result.ok()) {
      if (out != nullptr) *out << "which succeeded";
      return false;
    }
    if (out != nullptr) {
      *out << "which is " << error_code_name(result.error().code()) << ": " << result.error().message();
    }
    return result.error().code() == expected_;
  }
  void DescribeTo(std::ostream* out) const { *out << "fails with " << error_code_name(expected_); }
  void DescribeNegationTo(std::ostream* out) const { *out << "does not fail with " << error_code_name(expected_); }

 private:
  ErrorCode expected_;
};

inline FailsWithCode fails_with(ErrorCode expected) {
  return FailsWithCode(expected);
}

}  // namespace etrt::support

/// How gtest prints a CUresult; found by its namespace, the global one.
inline void PrintTo(CUresult result, std::ostream* out) {
  *out << etrt::support::result_name(result);
}
