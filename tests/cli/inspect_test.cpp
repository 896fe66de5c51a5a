#include <algorithm>
#include <filesystem>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/control_characters.h>
#include <cli/packed.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

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

TEST(Inspect, CudaLabelsAreShown) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("types_float32.pte"), {"--cuda-io"});
  EXPECT_THAT(run_etrt({"inspect", path}).out, HasSubstr("input 0   float32  [8]    cuda:0"));
  EXPECT_EQ(run_etrt({"inspect", path, "--json"}).json()["methods"][0]["outputs"][0]["device"], "cuda");
}

TEST(Inspect, ADelegateOnCudaBetweenCopiesHasTensorsOnTheHostAndItsTargetDevice) {
  const auto json = run_etrt({"inspect", data("digits_tensorrt_rtx_cuda_io.pte"), "--json"}).json();
  ASSERT_TRUE(json.is_object());
  const auto& method = json["methods"][0];
  EXPECT_EQ(method["instructions"], 3) << "a copy to the device, the delegate, a copy back";
  EXPECT_EQ(method["inputs"][0]["device"], "cpu");
  EXPECT_EQ(method["delegates"][0]["compile_specs"],
            nlohmann::json::array({{{"key", "target_device"}, {"value", "cuda:0"}}}));
}

TEST(Inspect, SaysWhichPayloadEveryDeviceRuns) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("two.pte");
  ASSERT_EQ(run_etrt({"pack", "--variant", "tensorrt@sm_89:" + directory.file("engine", "ftrt"), "--variant",
                      "program:" + program("types_float32.pte"), "-o", path})
                .exit_code,
            0);
  const Outcome outcome = run_etrt({"inspect", path}, {"ETRT_VGPU_DEVICES=2"});
  EXPECT_THAT(outcome.out, HasSubstr("virtual:0 runs payload 1, the first that it can"));
  EXPECT_THAT(outcome.out, HasSubstr("virtual:1 runs payload 1, the first that it can"));
  EXPECT_THAT(outcome.out, HasSubstr("payload 0 not on virtual:1: it needs an NVIDIA GPU"));
  EXPECT_THAT(run_etrt({"inspect", data("digits_tensorrt_rtx.pte")}).out, HasSubstr("virtual:0 runs none of them"));
}

TEST(Inspect, ABackendThatIsNotThereIsNamedByInspectAndByRun) {
  const TemporaryDirectory directory;
  std::vector<std::byte> bytes = read_bytes(digits("digits_xnnpack.pte"));
  const std::string id = "XnnpackBackend";
  const auto* const id_bytes = reinterpret_cast<const std::byte*>(id.data());
  const auto find = [&] { return std::search(bytes.begin(), bytes.end(), id_bytes, id_bytes + id.size()); };
  ASSERT_NE(find(), bytes.end());
  for (auto at = find(); at != bytes.end(); at = find()) *at = std::byte{'Y'};
  const std::string path = directory.file("foreign.pte", bytes);
  const Outcome inspect = run_etrt({"inspect", path});
  EXPECT_EQ(inspect.exit_code, 0) << inspect;
  EXPECT_THAT(inspect.out, HasSubstr("delegate 0: YnnpackBackend"));
  EXPECT_THAT(inspect.out, HasSubstr("no such backend in this etrt"));
  EXPECT_EQ(run_etrt({"inspect", path, "--json"}).json()["methods"][0]["delegates"][0]["registered"], false);
  const Outcome run = run_etrt({"run", path});
  EXPECT_EQ(run.exit_code, 1) << run;
  EXPECT_THAT(run.err, HasSubstr("YnnpackBackend"));
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run;
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

TEST(Inspect, SaysWhatTensorRtIsHereForAFileThatHoldsAnEngine) {
  const std::vector<std::string> missing{"ETRT_TENSORRT_LIBRARY=/nowhere/libnvinfer.so.11"};
  const std::string path = data("digits_tensorrt_rtx.pte");
  EXPECT_THAT(run_etrt({"inspect", path}, missing).out, HasSubstr("TensorRT-RTX: no library of TensorRT-RTX"));
  EXPECT_EQ(run_etrt({"inspect", path, "--json"}, missing).json()["tensorrt"].size(), 2u);
  EXPECT_FALSE(run_etrt({"inspect", digits("digits_xnnpack.pte"), "--json"}, missing).json().contains("tensorrt"));
}

}  // namespace
}  // namespace etrt::cli_test
