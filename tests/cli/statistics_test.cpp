#include <numeric>

#include <gtest/gtest.h>

#include <cli/statistics.h>

namespace etrt::cli {
namespace {

std::vector<double> one_to(int last) {
  std::vector<double> values(static_cast<std::size_t>(last));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(Statistics, PercentilesAreValuesThatWereMeasured) {
  const Summary summary = summarize(one_to(100));
  EXPECT_EQ(summary.count, 100u);
  EXPECT_EQ(summary.min, 1);
  EXPECT_EQ(summary.p50, 50);
  EXPECT_EQ(summary.p90, 90);
  EXPECT_EQ(summary.p99, 99);
  EXPECT_EQ(summary.max, 100);
}

TEST(Statistics, OrderOfTheMeasurementsDoesNotMatter) {
  EXPECT_EQ(summarize({3, 1, 2}).p50, 2);
  EXPECT_EQ(summarize({3, 1, 2}).min, 1);
}

TEST(Statistics, SpreadIsTheRangeWithoutTheTenthsAtBothEndsRelativeToTheMedian) {
  EXPECT_DOUBLE_EQ(summarize(one_to(100)).spread, (90.0 - 10.0) / 50.0);
  EXPECT_EQ(summarize({5, 5, 5}).spread, 0);
}

TEST(Statistics, OneMeasurementIsEveryPercentile) {
  const Summary summary = summarize({7});
  EXPECT_EQ(summary.p50, 7);
  EXPECT_EQ(summary.p99, 7);
  EXPECT_EQ(summary.spread, 0);
}

TEST(Statistics, NoMeasurementsAreNoFailure) {
  EXPECT_EQ(summarize({}).count, 0u);
}

TEST(Statistics, AMedianOfZeroHasNoSpread) {
  EXPECT_EQ(summarize({0, 0, 1}).spread, 0);
}

}  // namespace
}  // namespace etrt::cli
