// etrt pack FILE: variants for a program that is there already, and what runs of it then.

#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/arrays.h>
#include <cli/process.h>
#include <cli/programs.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::ptrdiff_t kBatch = 15;  ///< the program's bound

/// The exporter's file, labelled for CUDA with copies around the delegate, and a host program beside its engine.
std::string digits_with_host_program(const TemporaryDirectory& directory) {
  const std::string path = directory.path("digits.pte");
  const Outcome outcome = run_etrt({"pack", data("digits_tensorrt_rtx_cuda_io.pte"), "--variant",
                                    "program@host:" + digits("digits_xnnpack.pte"), "-o", path});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("method forward, delegate 0"));
  return path;
}

nlohmann::json payloads_of(const std::string& path) {
  return run_etrt({"inspect", path, "--json"}).json()["methods"][0]["delegates"][0]["blob"]["payloads"];
}

TEST(PackExisting, ALabelledProgramThenRunsOnTheVirtualGpuAndGivesTheDigits) {
  const TemporaryDirectory directory;
  const std::string path = digits_with_host_program(directory);
  const auto images = array_in<float>(digits("digits_images.npy")).values;
  const auto labels = array_in<std::int64_t>(digits("digits_labels.npy")).values;
  const auto expected = array_in<float>(digits("digits_logits.npy")).values;
  std::vector<float> logits;
  for (auto image = images.begin(); image != images.end(); image += kBatch * 64) {
    const auto batch = npy_of<float>("<f4", {kBatch, 1, 8, 8}, {image, image + kBatch * 64});
    const Outcome outcome =
        run_etrt({"run", path, "--input", directory.file("in.npy", batch), "--output-dir", directory.path("out")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    const auto answer = array_in<float>(directory.path("out/0.npy")).values;
    logits.insert(logits.end(), answer.begin(), answer.end());
  }
  ASSERT_EQ(logits.size(), expected.size());
  int right = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(i) * 10;
    right += std::max_element(row, row + 10) - row == labels[i];
  }
  EXPECT_EQ(right, 353);
  for (std::size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-4f);
}

TEST(PackExisting, RunsInAPartitionOnSeveralStreams) {
  const TemporaryDirectory directory;
  const std::string path = digits_with_host_program(directory);
  const Outcome outcome = run_etrt({"run", path, "--sms", "1", "--streams", "2", "--iterations", "20", "--json"},
                                   {"ETRT_VGPU_SMS=2", "ETRT_VGPU_CHECK=1"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST(PackExisting, ReportsAllPayloadsAndWhereTheyAreFrom) {
  const TemporaryDirectory directory;
  const std::string path = digits_with_host_program(directory);
  const std::string engine = directory.file("model.engine", "ftrt aaa");
  const Outcome outcome = run_etrt({"pack", path, "--variant", "tensorrt@sm_90:" + engine, "-o", path});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, HasSubstr("2        tensorrt  sm_90              8  " + engine));
  const auto payloads = payloads_of(path);
  ASSERT_EQ(payloads.size(), 3u);
  EXPECT_EQ(payloads[0]["kind"], "tensorrt_rtx");
  EXPECT_EQ(payloads[1]["kind"], "program");
  EXPECT_EQ(payloads[2]["target"], "sm_90");
}

TEST(PackExisting, FailuresSayWhyAndLeaveTheFileAsItWas) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("in.pte", read_bytes(data("digits_tensorrt_rtx_cuda_io.pte")));
  const auto before = read_bytes(path);
  const std::string fits = digits("digits_xnnpack.pte");
  const struct {
    std::vector<std::string> arguments;
    const char* message;
  } cases[] = {
      {{"--program", fits, "--delegate", "1"}, "number 1; it has delegate 0 of method forward"},
      {{"--program", fits, "--method", "other"}, "in method other"},
      {{"--program", program("types_float32.pte")}, "asked for 4 dimensions, the program has 1"},
      {{"--program", program("eight_io.pte")}, "asked for 1 inputs, the program has 8"},
      {{"--program", directory.path("none.pte")}, "cannot open"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> arguments{"pack", path, "-o", path};
    arguments.insert(arguments.end(), one.arguments.begin(), one.arguments.end());
    const Outcome outcome = run_etrt(arguments);
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(one.message));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_EQ(read_bytes(path), before);
  }
}

TEST(PackExisting, WhatOnlyANewProgramCanHaveIsAWrongCommandLine) {
  for (const std::vector<std::string>& extra :
       {std::vector<std::string>{"--io", "io.json"}, {"--cuda-io"}, {"--caller-outputs"}, {"--compile-spec", "a=b"}}) {
    std::vector<std::string> arguments{"pack", "in.pte", "--program", "p.pte", "-o", "out.pte"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    const Outcome outcome = run_etrt(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(extra[0] + " is for a new program"));
  }
  const Outcome no_file = run_etrt({"pack", "--program", "p.pte", "--delegate", "0", "-o", "out.pte"});
  EXPECT_EQ(no_file.exit_code, 2) << no_file;
  EXPECT_THAT(no_file.err, HasSubstr("--delegate is for an existing program"));
}

}  // namespace
}  // namespace etrt::cli_test
