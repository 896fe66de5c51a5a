#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/packed.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kIo[] = R"({"io_bindings": [
  {"name": "image", "dtype": "float32", "shape": [-1, 8], "max_shape": [4, 8], "is_input": true},
  {"name": "logits", "dtype": "float32", "shape": [-1, 2], "max_shape": [4, 2], "is_input": false}]})";

nlohmann::json blob_of(const std::string& path) {
  return run_etrt({"inspect", path, "--json"}).json()["methods"][0]["delegates"][0]["blob"];
}

std::size_t files_in(const TemporaryDirectory& directory) {
  const std::filesystem::directory_iterator files(directory.path("."));
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(Pack, SaysWhatItPacked) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("out.pte");
  const Outcome outcome = run_etrt({"pack", "--program", digits("digits_portable.pte"), "-o", path});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.err, IsEmpty());
  EXPECT_THAT(outcome.out, HasSubstr("out.pte: "));
  EXPECT_THAT(outcome.out, HasSubstr("method forward"));
  EXPECT_THAT(outcome.out, HasSubstr("output 0  float32  up to [64, 10]"));
  EXPECT_THAT(outcome.out, HasSubstr("60456"));
}

TEST(Pack, KeepsVariantsInTheOrderGivenWithTheirTargets) {
  const TemporaryDirectory directory;
  const std::string io = directory.file("io.json", kIo);
  const std::string path = directory.path("out.pte");
  const Outcome outcome =
      run_etrt({"pack", "--variant", "tensorrt@sm_89:" + directory.file("a.engine", "ftrt aaa"), "--variant",
                "tensorrt_rtx@sm_120:" + directory.file("b.engine", "vtrt bbbb"), "--io", io, "-o", path});
  ASSERT_EQ(outcome.exit_code, 0) << outcome;
  const auto payloads = blob_of(path)["payloads"];
  ASSERT_EQ(payloads.size(), 2u);
  EXPECT_EQ(payloads[0]["kind"], "tensorrt");
  EXPECT_EQ(payloads[0]["target"], "sm_89");
  EXPECT_EQ(payloads[1]["kind"], "tensorrt_rtx");
  EXPECT_EQ(payloads[1]["target"], "sm_120");
}

TEST(Pack, AnEngineAndAHostProgramMakeOneFileThatRunsHere) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("out.pte");
  ASSERT_EQ(run_etrt({"pack", "--variant", "tensorrt:" + directory.file("a.engine", "ftrt aaa"), "--variant",
                      "program@host:" + digits("digits_portable.pte"), "-o", path})
                .exit_code,
            0);
  EXPECT_EQ(blob_of(path)["chosen"]["virtual:0"], 1);
  const auto run = run_etrt({"run", path, "--json"}).json();
  EXPECT_EQ(run["payload"], "a host program for host of 60456 bytes");
}

TEST(Pack, NamesTheMethodAndLabelsTheTensors) {
  const TemporaryDirectory directory;
  const std::string path =
      packed(directory, program("add_one_dynamic.pte"), {"--method", "score", "--cuda-io", "--caller-outputs"});
  const auto method = run_etrt({"inspect", path, "--json"}).json()["methods"][0];
  EXPECT_EQ(method["name"], "score");
  EXPECT_EQ(method["inputs"][0]["device"], "cuda");
  EXPECT_EQ(method["outputs"][0]["device"], "cuda");
  EXPECT_EQ(method["outputs"][0]["planned"], false);
}

TEST(Pack, FailuresSayWhyAndLeaveNothingBehind) {
  const TemporaryDirectory directory;
  const std::string broken = directory.file("broken.json", "{\"io_bindings\": ");
  const std::string engine = directory.file("engine", "ftrt");
  const std::string path = directory.path("out.pte");
  const std::size_t before = files_in(directory);
  const struct {
    std::vector<std::string> inputs;
    const char* message;
  } cases[] = {
      {{"--program", directory.path("none.pte")}, "cannot open"},
      {{"--program", engine}, "cannot pack"},
      {{"--program", data("digits_tensorrt_rtx.pte")}, "is itself a program for TensorRTBackend"},
      {{"--program", program("no_tensor_input.pte")}, "is no tensor"},
      {{"--variant", "tensorrt:" + engine, "--io", broken}, "the I/O description is not usable"},
      {{"--variant", "tensorrt:" + engine, "--io", directory.path("none.json")}, "cannot open"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> arguments{"pack", "-o", path};
    arguments.insert(arguments.end(), one.inputs.begin(), one.inputs.end());
    const Outcome outcome = run_etrt(arguments);
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(one.message));
    EXPECT_THAT(outcome.out, IsEmpty());
    EXPECT_EQ(files_in(directory), before);
  }
}

TEST(Pack, AnUnwritableOutputIsAnErrorAndAnOldFileStays) {
  const TemporaryDirectory directory;
  const std::string source = program("types_float32.pte");
  const Outcome nowhere = run_etrt({"pack", "--program", source, "-o", directory.path("none/out.pte")});
  EXPECT_EQ(nowhere.exit_code, 1);
  EXPECT_THAT(nowhere.err, HasSubstr("cannot write"));
  const Outcome onto_directory = run_etrt({"pack", "--program", source, "-o", directory.path(".")});
  EXPECT_EQ(onto_directory.exit_code, 1) << onto_directory;
  const std::string old = directory.file("old.pte", "old");
  EXPECT_EQ(run_etrt({"pack", "--program", directory.path("none.pte"), "-o", old}).exit_code, 1);
  EXPECT_EQ(read_bytes(old).size(), 3u);
  EXPECT_EQ(run_etrt({"pack", "--program", source, "-o", old}).exit_code, 0);
  EXPECT_GT(read_bytes(old).size(), 900u) << "and is replaced when all goes well";
}

}  // namespace
}  // namespace etrt::cli_test
