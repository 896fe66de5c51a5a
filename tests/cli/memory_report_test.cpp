// The tables behind `etrt run --memory` and `--layers`, of programs that no machine without a GPU can run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cli/memory_report.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;

Report two_programs() {
  Report report;
  report.programs.resize(2);
  ProgramReport& first = report.programs[0];
  first.device = "cuda:0";
  first.execution_contexts = 3;
  first.context_bytes = 4096;
  first.engine_bytes = 70000;
  report.programs[1].device = "cuda:0";
  return report;
}

std::vector<ProgramLayers> layers_of_two_programs() {
  return {{"cuda:0", "an engine", {{"conv1 + relu", 0.25f}, {"hidden\x1b[8m", 0.0015f}}},
          {"cuda:0", "another engine", {{"softmax", 2}}}};
}

TEST(MemoryReport, HasARowForEachProgram) {
  const std::string text = cli::memory_text(two_programs());
  EXPECT_THAT(text, HasSubstr("  program  device  contexts  each at most  engine  "));
  EXPECT_THAT(text, HasSubstr("        0  cuda:0         3          4096   70000  "));
  EXPECT_THAT(text, HasSubstr("        1  cuda:0         0             0       0  "));
}

TEST(MemoryReport, HasTheBytesOfAContextForMachines) {
  const auto programs = cli::memory_json(two_programs())["programs"];
  EXPECT_EQ(programs[0]["execution_contexts"], 3);
  EXPECT_EQ(programs[0]["context_bytes"], 4096);
}

TEST(LayersReport, HasARowForEachLayerOfEachProgram) {
  EXPECT_EQ(cli::layers_text(layers_of_two_programs()),
            "  program  layer           time\n"
            "        0  conv1 + relu   250.0\n"
            "        0  hidden\\x1b[8m  1.500\n"
            "        1  softmax         2000\n"
            "  times in µs, of each program's last run\n");
}

TEST(LayersReport, HasNameAndTimeForMachines) {
  const auto layers = cli::layers_json(layers_of_two_programs());
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0]["program"], 0);
  EXPECT_EQ(layers[0]["name"], "conv1 + relu");
  EXPECT_EQ(layers[0]["us"], 250.0);
  EXPECT_EQ(layers[2]["program"], 1);
  EXPECT_EQ(layers[2]["us"], 2000.0);
}

TEST(LayersReport, OfNoLayersSaysSo) {
  EXPECT_EQ(cli::layers_text({}), "  no times of layers: what runs here has no layers to tell of\n");
}

}  // namespace
}  // namespace etrt::cli_test
