#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cli/partition_report.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;
using testing::Not;

cli::PartitionCheck check(bool confined) {
  return {.confined = confined, .sms = {0, 1, 2, 7}, .held = std::chrono::milliseconds(50), .finding = "as found"};
}

TEST(PartitionReport, SmsThatFollowEachOtherAreARange) {
  EXPECT_EQ(cli::ranges_text({}), "");
  EXPECT_EQ(cli::ranges_text({5}), "5");
  EXPECT_EQ(cli::ranges_text({0, 1, 2, 7, 9, 10}), "0-2, 7, 9-10");
}

TEST(PartitionReport, AProgramThatLeavesItsPartitionIsTheCommandsFailure) {
  EXPECT_TRUE(cli::first_stray({}).ok());
  EXPECT_TRUE(cli::first_stray({check(true), check(true)}).ok());
  const Status stray = cli::first_stray({check(true), check(false)});
  ASSERT_FALSE(stray.ok());
  EXPECT_EQ(stray.error().message(), "the program on stream 1 does not keep to its partition: as found");
}

TEST(PartitionReport, TellsTheVerdictInWordsAndForMachines) {
  const std::vector<cli::PartitionCheck> checks{check(true), check(false)};
  EXPECT_THAT(cli::partitions_text(checks), HasSubstr("stream 0 on SMs 0-2, 7: confined: as found"));
  EXPECT_THAT(cli::partitions_text(checks), HasSubstr("stream 1 on SMs 0-2, 7: NOT confined: as found"));
  const auto json = cli::partitions_json(checks);
  EXPECT_EQ(json[1]["confined"], false);
  EXPECT_EQ(json[1]["held_ms"], 50.0);
  EXPECT_EQ(json[1]["sms"].size(), 4u);
}

TEST(PartitionReport, SaysWhatFullSmsDoNotShow) {
  constexpr const char* kLimit =
      "as found. Parts of it, as on auxiliary streams of the engine, may still have left the partition";
  const auto on_gpu = check(true);
  EXPECT_THAT(cli::partitions_text({on_gpu}), HasSubstr(kLimit));
  EXPECT_EQ(cli::partitions_json({on_gpu})[0]["finding"], kLimit);
  auto on_virtual_gpu = check(true);
  on_virtual_gpu.held = {};
  EXPECT_THAT(cli::partitions_text({on_virtual_gpu, check(false)}), Not(HasSubstr("may still")));
}

}  // namespace
}  // namespace etrt::cli_test
