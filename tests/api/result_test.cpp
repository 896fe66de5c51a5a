#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <etrt/result.h>

namespace etrt::test {
namespace {

TEST(Results, ThatAreErrorsEndTheProcessWithTheErrorsTextWhereTheyAreUsedAsValues) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  Result<std::string> failed = Error(ErrorCode::kNotFound, "device cuda:7 is not there");
  EXPECT_DEATH(static_cast<void>(*failed), "it is an error: device cuda:7 is not there");
  EXPECT_DEATH(static_cast<void>(failed->size()), "device cuda:7 is not there");
  EXPECT_DEATH(static_cast<void>(failed.value()), "device cuda:7 is not there");
  EXPECT_DEATH(static_cast<void>(std::move(failed).value()), "device cuda:7 is not there");
  const Result<std::string> constant = Error(ErrorCode::kNotFound, "no driver");
  EXPECT_DEATH(static_cast<void>(*constant), "no driver");
}

TEST(Results, ThatAreSuccessesHaveNoError) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(Result<int>(1).error()), "it is a success");
  EXPECT_DEATH(static_cast<void>(Status().error()), "it is a success");
}

TEST(Results, HoldWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  EXPECT_EQ(**result, 3);
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 3);
}

}  // namespace
}  // namespace etrt::test
