#include <filesystem>
#include <random>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/commands.h>
#include <cli/packed.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// Everything but line feeds that a terminal would act upon.
bool has_control_characters(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char character) {
    const auto code = static_cast<unsigned char>(character);
    return (code < 0x20 && character != '\n') || code == 0x7f;
  });
}

/// Looks into these bytes in this process, as text and as JSON; nothing may crash. True when both succeed.
bool inspect_in_process(const TemporaryDirectory& directory, std::span<const std::byte> bytes) {
  const std::string path = directory.file("bytes", bytes);
  bool ok = true;
  for (const bool json : {false, true}) {
    testing::internal::CaptureStdout();
    const Status status = cli::command_inspect({path, json});
    const std::string out = testing::internal::GetCapturedStdout();
    EXPECT_FALSE(has_control_characters(out));
    if (json && status.ok()) {
      EXPECT_FALSE(nlohmann::json::parse(out, nullptr, false).is_discarded());
    }
    ok = ok && status.ok();
  }
  return ok;
}

TEST(Inspect, SaysWhatAPackedProgramHoldsAndThatItRunsHere) {
  const TemporaryDirectory directory;
  const Outcome outcome = run_etrt({"inspect", packed(directory, digits("digits_portable.pte"))});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  for (const char* fact :
       {"ExecuTorch program", "method forward: 1 instruction, 1 delegate", "delegate 0: TensorRTBackend", "blob TR01",
        "float32  up to [64, 1, 8, 8]", "input_0", "output_0", "program"}) {
    EXPECT_THAT(outcome.out, HasSubstr(fact)) << outcome;
  }
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST(Inspect, JsonHasTheSameFacts) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, digits("digits_portable.pte"), {"--compile-spec", "max_inflight=2"});
  const auto json = run_etrt({"inspect", path, "--json"}).json();
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["kind"], "program");
  const auto& method = json["methods"][0];
  EXPECT_EQ(method["name"], "forward");
  EXPECT_EQ(method["inputs"][0]["dtype"], "float32");
  EXPECT_EQ(method["inputs"][0]["shape"], nlohmann::json({64, 1, 8, 8}));
  EXPECT_EQ(method["inputs"][0]["dynamism"], "bounded");
  EXPECT_EQ(method["inputs"][0]["device"], "cpu");
  const auto& delegate = method["delegates"][0];
  EXPECT_EQ(delegate["id"], "TensorRTBackend");
  EXPECT_EQ(delegate["compile_specs"], nlohmann::json::array({{{"key", "max_inflight"}, {"value", "2"}}}));
  EXPECT_EQ(delegate["alignment"].get<int>() % 16, 0);
  EXPECT_EQ(delegate["blob"]["magic"], "TR01");
  EXPECT_EQ(delegate["blob"]["payloads"][0]["kind"], "program");
  EXPECT_EQ(delegate["blob"]["payloads"][0]["devices"][0]["runs"], true);
  EXPECT_EQ(delegate["blob"]["chosen"]["virtual:0"], 0);
}

TEST(Inspect, SaysWhyAnEngineForAGpuCannotRunHere) {
  const Outcome outcome = run_etrt({"inspect", data("digits_tensorrt_rtx.pte")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("tensorrt_rtx  linux_x86_64  347212"));
  EXPECT_THAT(outcome.out, HasSubstr("payload 0 not on virtual:0: it needs an NVIDIA GPU"));
  const auto json = run_etrt({"inspect", data("digits_tensorrt_rtx.pte"), "--json"}).json();
  const auto& blob = json["methods"][0]["delegates"][0]["blob"];
  EXPECT_EQ(blob["payloads"][0]["kind"], "tensorrt_rtx");
  EXPECT_EQ(blob["payloads"][0]["devices"][0]["runs"], false);
  EXPECT_TRUE(blob["chosen"]["virtual:0"].is_null());
}

TEST(Inspect, ShowsCudaLabels) {
  const auto json = run_etrt({"inspect", data("digits_tensorrt_rtx_cuda_io.pte"), "--json"}).json();
  EXPECT_EQ(json["methods"][0]["inputs"][0]["device"], "cuda");
}

TEST(Inspect, TakesProgramsOfOtherBackendsAndBareBlobs) {
  EXPECT_EQ(run_etrt({"inspect", digits("digits_xnnpack.pte")}).exit_code, 0);
  EXPECT_EQ(run_etrt({"inspect", program("two_methods.pte")}).exit_code, 0);
  const auto json =
      run_etrt({"inspect", std::string(ETRT_FUZZ_CORPUS) + "/fuzz_blob/aliased_tr02.blob", "--json"}).json();
  EXPECT_EQ(json["kind"], "blob");
  EXPECT_EQ(json["blob"]["magic"], "TR02");
  EXPECT_FALSE(json["blob"]["aliased_io"].empty());
}

TEST(Inspect, WhatIsNoFileIsAClearError) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::mkfifo(directory.path("pipe").c_str(), 0600), 0);
  const std::pair<std::string, const char*> cases[] = {{directory.path("none"), "No such file or directory"},
                                                       {directory.path("."), "is a directory, not a file"},
                                                       {directory.path("pipe"), "is not a regular file"},
                                                       {"/dev/zero", "is not a regular file"},
                                                       {directory.file("empty", ""), "is empty"},
                                                       {directory.file("text", "hello"), "is neither an ExecuTorch"}};
  for (const auto& [path, message] : cases) {
    const Outcome outcome = run_etrt({"inspect", path});
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(message));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(Inspect, AHugeFileIsNotReadWhole) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("huge", std::string("\x20\x00\x00\x00"
                                                              "ET12",
                                                              8));
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
  const Outcome outcome = run_etrt({"inspect", path});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
}

TEST(Inspect, NamesInAFileNeverReachTheTerminalRaw) {
  const TemporaryDirectory directory;
  const std::string io = directory.file("io.json", R"({"io_bindings": [
    {"name": "\u001b[2J\u0007\u202e", "dtype": "float32", "shape": [1], "is_input": true},
    {"name": "y", "dtype": "float32", "shape": [1], "is_input": false}]})");
  const std::string engine = directory.file("engine", "ftrt, or so");
  const std::string path = directory.path("hostile.pte");
  const Outcome pack = run_etrt({"pack", "--variant", "tensorrt@\x1b[1m:" + engine, "--io", io, "-o", path});
  ASSERT_EQ(pack.exit_code, 0) << pack;
  EXPECT_FALSE(has_control_characters(pack.out));
  const Outcome inspect = run_etrt({"inspect", path});
  EXPECT_EQ(inspect.exit_code, 0) << inspect;
  EXPECT_FALSE(has_control_characters(inspect.out));
  EXPECT_THAT(inspect.out, HasSubstr("\\x1b[2J\\x07\\u202e"));
  const Outcome json = run_etrt({"inspect", path, "--json"});
  EXPECT_FALSE(has_control_characters(json.out));
  EXPECT_EQ(json.json()["methods"][0]["delegates"][0]["blob"]["io_bindings"][0]["name"], "\x1b[2J\x07\u202e");
  const Outcome run = run_etrt({"run", path});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_FALSE(has_control_characters(run.err));
}

TEST(Inspect, AMalformedBlobInAGoodProgramIsShownAndIsAFailure) {
  const TemporaryDirectory directory;
  std::vector<std::byte> bytes = read_bytes(packed(directory, program("types_float32.pte")));
  const std::string magic = "TR01";
  const auto* const magic_bytes = reinterpret_cast<const std::byte*>(magic.data());
  const auto at = std::search(bytes.begin(), bytes.end(), magic_bytes, magic_bytes + magic.size());
  ASSERT_NE(at, bytes.end());
  at[3] = std::byte{'9'};
  const Outcome outcome = run_etrt({"inspect", directory.file("bad.pte", bytes)});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("delegate 0: TensorRTBackend"));
  EXPECT_THAT(outcome.out, HasSubstr("malformed: "));
  EXPECT_THAT(outcome.err, HasSubstr("method 'forward', delegate 0: "));
}

TEST(Inspect, EveryFileOfTheFuzzCorpusIsSurvivedWholeAndCut) {
  const TemporaryDirectory directory;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ETRT_FUZZ_CORPUS)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    const int exit_code = run_etrt({"inspect", entry.path().string()}).exit_code;
    EXPECT_TRUE(exit_code == 0 || exit_code == 1) << entry.path() << " gives " << exit_code;
    const std::vector<std::byte> bytes = read_bytes(entry.path().string());
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 150);
    for (std::size_t size = 1; size < bytes.size(); size += step) {
      inspect_in_process(directory, std::span(bytes).first(size));
    }
  }
  EXPECT_GT(files, 0u);
}

TEST(Inspect, FlippedBytesAreSurvived) {
  const TemporaryDirectory directory;
  const std::vector<std::byte> good = read_bytes(packed(directory, program("eight_io.pte")));
  std::mt19937 generator(1);
  std::size_t accepted = 0;
  for (int round = 0; round < 600; ++round) {
    std::vector<std::byte> bytes = good;
    for (int flips = 0; flips < 4; ++flips) bytes[generator() % bytes.size()] = static_cast<std::byte>(generator());
    accepted += inspect_in_process(directory, bytes) ? 1 : 0;
  }
  EXPECT_GT(accepted, 0u) << "flips in a payload's middle change nothing that is looked at";
}

}  // namespace
}  // namespace etrt::cli_test
