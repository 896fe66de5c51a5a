#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/process.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(CommandLine, HelpTeachesWithExamplesOnStandardOutput) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--help"},
                                                    {"run", "--help"},
                                                    {"pack", "--help"},
                                                    {"inspect", "-h"},
                                                    {"bench", "--help"},
                                                    {"devices", "--help"}}) {
    const Outcome outcome = run_etrt(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("Examples:\n  ")) << outcome;
    EXPECT_THAT(outcome.err, IsEmpty());
  }
}

TEST(CommandLine, VersionIsSaid) {
  const Outcome outcome = run_etrt({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, StartsWith("etrt 0."));
}

TEST(CommandLine, ABadOneEndsWithTwoAndNamesTheMistakeOnce) {
  const struct {
    std::vector<std::string> arguments;
    const char* message;
  } cases[] = {
      {{}, "etrt: a command is needed: devices, inspect, pack, run, bench\n"},
      {{"fly"}, "etrt: 'fly' is no command; there are devices, inspect, pack, run, bench\n"},
      {{"--fly"}, "etrt: '--fly' is not understood\n"},
      {{"devices", "now"}, "etrt: 'now' is not understood here\n"},
      {{"run"}, "etrt: FILE is required\n"},
      {{"run", "x.pte", "--fly"}, "etrt: '--fly' is not understood here\n"},
      {{"run", "x.pte", "--iterations", "0"}, "etrt: --iterations: '0' is no number from 1 to "},
      {{"run", "x.pte", "--iterations", "many"}, "etrt: --iterations: 'many' is no number from 1 to "},
      {{"run", "x.pte", "--sms", "-1"}, "etrt: --sms: '-1' is no number from 1 to "},
      {{"run", "x.pte", "--streams", "65"}, "etrt: --streams: '65' is no number from 1 to 64\n"},
      {{"run", "x.pte", "--max-inflight", "65"}, "etrt: --max-inflight: '65' is no number from 1 to 64\n"},
      {{"run", "x.pte", "--seed", "-1"}, "etrt: --seed: '-1' is no whole number from 0 up\n"},
      {{"run", "x.pte", "--device", "gpu0"}, "etrt: --device: 'gpu0' is no device name: use auto, cuda:N, virtual"},
      {{"run", "x.pte", "--verify-partition"}, "etrt: --verify-partition needs --sms\n"},
      {{"run", "x.pte", "--verify-ms", "0"}, "etrt: --verify-ms: '0' is no number from 1 to "},
      {{"run", "x.pte", "--warm-up-shapes", "1xx8"}, "etrt: --warm-up-shapes: "},
      {{"run", "x.pte", "--weight-streaming-budget", "-1"},
       "etrt: --weight-streaming-budget: '-1' is no number of bytes"},
      {{"run", "x.pte", "--plugin-library", "a:b"}, "etrt: --plugin-library: 'a:b' has a ':'"},
      {{"run", "x.pte", "--optimization-profile", "-1"}, "etrt: --optimization-profile: '-1' is no number from 0 to "},
      {{"pack", "--program", "x.pte"}, "etrt: --output is required\n"},
      {{"pack", "-o", "y.pte"}, "etrt: nothing to pack: give --program or --variant\n"},
      {{"pack", "--program", "x.pte", "--variant", "program:x.pte", "-o", "y.pte"},
       "etrt: give --program or --variant, not both\n"},
      {{"pack", "--variant", "onnx:x", "-o", "y.pte"}, "etrt: --variant: 'onnx:x' is no variant: use program:P.pte"},
      {{"pack", "--variant", "tensorrt:", "-o", "y.pte"}, "etrt: --variant: 'tensorrt:' is no variant"},
      {{"pack", "--variant", "tensorrt:x", "-o", "y.pte"}, "etrt: an engine alone does not say what it takes"},
      {{"pack", "--program", "x", "--compile-spec", "=1", "-o", "y"}, "etrt: --compile-spec: '=1' is no compile spec"},
  };
  for (const auto& one : cases) {
    const Outcome outcome = run_etrt(one.arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome;
    EXPECT_THAT(outcome.err, StartsWith(one.message)) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr("see: etrt")) << outcome;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(CommandLine, AResultThatCannotBeWrittenIsAFailure) {
  const Outcome outcome = run_etrt({"devices"}, {}, "/dev/full");
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_THAT(outcome.err, HasSubstr("etrt: cannot write the result to standard output"));
}

}  // namespace
}  // namespace etrt::cli_test
