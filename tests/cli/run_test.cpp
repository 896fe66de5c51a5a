// etrt run: inputs, outputs, messages. What concerns devices, streams and partitions is in run_device_test.cpp.

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/arrays.h>
#include <cli/packed.h>

namespace etrt::cli_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

template <class T>
std::vector<T> slice(const std::vector<T>& values, std::size_t from, std::size_t count) {
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

TEST(Run, DigitsComeOutAsTheyWereTrained) {
  const TemporaryDirectory directory;
  const auto images = array_in<float>(digits("digits_images.npy"));
  const auto logits = array_in<float>(digits("digits_logits.npy"));
  ASSERT_EQ(images.shape, (std::vector<std::int64_t>{360, 1, 8, 8}));
  ASSERT_EQ(logits.shape, (std::vector<std::int64_t>{360, 10}));
  for (const auto& [name, batch] : {std::pair{"digits_portable.pte", 60u}, std::pair{"digits_xnnpack.pte", 15u}}) {
    const std::string path = packed(directory, digits(name));
    for (std::size_t from = 0; from < 360; from += batch) {
      const auto file = npy_of<float>("<f4", {batch, 1, 8, 8}, slice(images.values, from * 64, batch * 64));
      const Outcome outcome =
          run_etrt({"run", path, "--input", directory.file("batch.npy", file), "--output-dir", directory.path("out")});
      ASSERT_EQ(outcome.exit_code, 0) << outcome;
      const auto result = array_in<float>(directory.path("out/0.npy"));
      ASSERT_THAT(result.shape, ElementsAre(batch, 10));
      for (std::size_t i = 0; i < result.values.size(); ++i) {
        ASSERT_NEAR(result.values[i], logits.values[from * 10 + i], 1e-4f) << name << ", image " << from + i / 10;
      }
    }
  }
}

TEST(Run, OutputsAreComparedWithReferences) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  const auto ones = npy_of<float>("<f4", {2, 16}, std::vector<float>(32, 1));
  std::vector<float> values(32, 2);
  const std::string input = directory.file("x.npy", ones);
  const std::string right = directory.file("right.npy", npy_of<float>("<f4", {2, 16}, values));
  values[7] = 2.25f;
  const std::string apart = directory.file("apart.npy", npy_of<float>("<f4", {2, 16}, values));
  values[9] = std::numeric_limits<float>::quiet_NaN();
  const std::string no_number = directory.file("no_number.npy", npy_of<float>("<f4", {2, 16}, values));
  const std::string flat = directory.file("short.npy", npy_of<float>("<f4", {1, 16}, std::vector<float>(16)));
  const auto run = [&](const std::string& reference, const std::string& tolerance) {
    return run_etrt({"run", path, "--input", input, "--expect", reference, "--tolerance", tolerance, "--streams", "2"});
  };
  EXPECT_EQ(run(right, "0").exit_code, 0);
  EXPECT_THAT(run(right, "0").out, HasSubstr("largest difference"));
  EXPECT_EQ(run(apart, "0.25").exit_code, 0);
  const Outcome beyond = run(apart, "0.2");
  EXPECT_EQ(beyond.exit_code, 1);
  EXPECT_THAT(beyond.err, HasSubstr("differs from " + apart +
                                    " by up to 0.25 (element 7), beyond the tolerance of 0.2 "
                                    "in 1 of 32 elements"));
  EXPECT_THAT(beyond.out, HasSubstr("DIFFERS"));
  EXPECT_THAT(run(no_number, "1e30").err, HasSubstr("by up to inf (element 9)"));
  EXPECT_THAT(run(flat, "0").err, HasSubstr("it has shape [1, 16], the output has [2, 16]"));
  EXPECT_THAT(run_etrt({"run", path, "--expect", right, "--expect", right}).err, HasSubstr("gives 1 output, 2 given"));
  EXPECT_EQ(run(right, "-1").exit_code, 2);
}

TEST(Run, ABatchBeyondTheBoundIsAClearError) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, digits("digits_portable.pte"));
  const Outcome outcome = run_etrt({"run", path, "--input", digits("digits_images.npy")});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("input 0 has shape [360, 1, 8, 8], the program takes up to [64, 1, 8, 8]"));
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST(Run, ProgramsOfOtherBackendsAndOfPlainKernelsRunToo) {
  for (const std::string& path : {digits("digits_xnnpack.pte"), digits("digits_portable.pte"), data("decode_step.pte"),
                                  program("unplanned_io.pte"), program("scalar.pte")}) {
    const Outcome outcome = run_etrt({"run", path, "--streams", "2", "--iterations", "3"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("host code, no part of it delegated to TensorRTBackend"));
    EXPECT_THAT(outcome.err, IsEmpty());
  }
}

TEST(Run, InputsInAnotherDimOrderAreLaidOutForTheProgram) {
  const TemporaryDirectory directory;
  const std::vector<float> ones(48, 1.0f);
  const std::string input = directory.file("x.npy", npy_of<float>("<f4", {1, 3, 4, 4}, ones));
  for (const std::string& path : {program("channels_last.pte"), packed(directory, program("channels_last.pte"))}) {
    const Outcome outcome = run_etrt({"run", path, "--input", input, "--output-dir", directory.path("out")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    const auto result = array_in<float>(directory.path("out/0.npy"));
    ASSERT_EQ(result.values.size(), 48u);
    for (std::size_t i = 0; i < 48; ++i) {
      EXPECT_EQ(result.values[i], static_cast<float>(16 * (i / 16) + 4 * (i / 4 % 4) + i % 4));
    }
  }
}

TEST(Run, EveryElementTypeTravelsThroughFiles) {
  const TemporaryDirectory directory;
  const struct {
    const char* type;
    std::string npy;
    std::vector<std::byte> input;
    std::vector<std::uint8_t> first_output;
  } cases[] = {
      {"float32", "<f4", npy_of<float>("<f4", {8}, std::vector<float>(8, 1.5f)), {0, 0, 0x40, 0x40}},
      {"float16", "<f2", npy_of<std::uint16_t>("<f2", {8}, std::vector<std::uint16_t>(8, 0x3c00)), {0, 0x40}},
      {"bfloat16", "<u2", npy_of<std::uint16_t>("<u2", {8}, std::vector<std::uint16_t>(8, 0x3f80)), {0, 0x40}},
      {"int8", "|i1", npy_of<std::int8_t>("|i1", {8}, std::vector<std::int8_t>(8, -3)), {0xfa}},
      {"uint8", "|u1", npy_of<std::uint8_t>("|u1", {8}, std::vector<std::uint8_t>(8, 100)), {200}},
      {"int32", "<i4", npy_of<std::int32_t>("<i4", {8}, std::vector<std::int32_t>(8, 3)), {6, 0, 0, 0}},
      {"int64", "<i8", npy_of<std::int64_t>("<i8", {8}, std::vector<std::int64_t>(8, 4)), {8, 0, 0, 0, 0, 0, 0, 0}},
      {"bool", "|b1", npy_of<std::uint8_t>("|b1", {8}, std::vector<std::uint8_t>(8, 0)), {1}},
  };
  for (const auto& one : cases) {
    const std::string path = packed(directory, program(std::string("types_") + one.type + ".pte"));
    const Outcome outcome =
        run_etrt({"run", path, "--input", directory.file("x.npy", one.input), "--output-dir", directory.path("out")});
    ASSERT_EQ(outcome.exit_code, 0) << outcome;
    const std::vector<std::byte> file = read_bytes(directory.path("out/0.npy"));
    const auto array = cli::parse_npy(file);
    ASSERT_TRUE(array.ok());
    EXPECT_EQ(array->type, one.npy);
    for (std::size_t i = 0; i < one.first_output.size(); ++i) {
      EXPECT_EQ(array->data[i], std::byte{one.first_output[i]}) << one.type;
    }
    const bool lacking = std::string(one.type) == "bfloat16";
    EXPECT_EQ(outcome.err.find("numpy has no bfloat16") != std::string::npos, lacking) << outcome;
  }
}

TEST(Run, RandomInputsDependOnTheSeed) {
  const TemporaryDirectory directory;
  const auto output_for = [&](const char* seed) {
    EXPECT_EQ(run_etrt({"run", program("add_one_dynamic.pte"), "--seed", seed, "--output-dir", directory.path("out")})
                  .exit_code,
              0);
    return read_bytes(directory.path("out/0.npy"));
  };
  EXPECT_EQ(output_for("7"), output_for("7"));
  EXPECT_NE(output_for("7"), output_for("8"));
}

TEST(Run, MethodsAreChosenByNameAndAWrongOneListsThem) {
  const TemporaryDirectory directory;
  const std::string input = directory.file("x.npy", npy_of<float>("<f4", {4}, {1, 2, 3, 4}));
  const std::string path = program("two_methods.pte");
  ASSERT_EQ(run_etrt({"run", path, "--input", input, "--output-dir", directory.path("out")}).exit_code, 0);
  EXPECT_THAT(array_in<float>(directory.path("out/0.npy")).values, ElementsAre(2, 3, 4, 5)) << "forward, by default";
  ASSERT_EQ(
      run_etrt({"run", path, "--method", "double", "--input", input, "--output-dir", directory.path("out")}).exit_code,
      0);
  EXPECT_THAT(array_in<float>(directory.path("out/0.npy")).values, ElementsAre(2, 4, 6, 8));
  const Outcome wrong = run_etrt({"run", path, "--method", "backward"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("has no method 'backward'; it has 'double', 'forward'"));
}

TEST(Run, BadInputsAreClearErrors) {
  const TemporaryDirectory directory;
  const std::string path = program("add_one_dynamic.pte");
  const std::string good = directory.file("good.npy", npy_of<float>("<f4", {2, 16}, std::vector<float>(32)));
  const struct {
    std::vector<std::string> inputs;
    const char* message;
  } cases[] = {
      {{directory.path("none.npy")}, "No such file or directory"},
      {{directory.file("text.npy", "1 2 3")}, "not a usable .npy file: it does not begin as one"},
      {{directory.file("cut.npy", std::string("\x93NUMPY\x01\x00\x76\x00{", 11))},
       "its header has 118 bytes, 1 are there"},
      {{directory.file("ints.npy", npy_of<std::int32_t>("<i4", {1, 16}, std::vector<std::int32_t>(16)))},
       "wants float32, the file holds int32 (<i4)"},
      {{directory.file("flat.npy", npy_of<float>("<f4", {16}, std::vector<float>(16)))},
       "has shape [16], the program takes up to [64, 16]"},
      {{good, good}, "takes 1 input, 2 given"},
      {{"/"}, "is a directory"},
  };
  for (const auto& one : cases) {
    std::vector<std::string> arguments{"run", path};
    for (const std::string& input : one.inputs) arguments.insert(arguments.end(), {"--input", input});
    const Outcome outcome = run_etrt(arguments);
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(one.message));
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(Run, AnOutputDirectoryThatCannotBeMadeIsAnErrorBeforeTheRun) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("file", "in the way");
  const Outcome outcome = run_etrt({"run", program("fails_at_run.pte"), "--output-dir", file + "/out"});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_THAT(outcome.err, HasSubstr("cannot make the directory '" + file + "/out': "));
  EXPECT_THAT(outcome.out, IsEmpty());
}

TEST(Run, ValuesThatAreNoTensorsAreAClearError) {
  const Outcome outcome = run_etrt({"run", program("no_tensor_input.pte")});
  EXPECT_EQ(outcome.exit_code, 1) << outcome;
  EXPECT_THAT(outcome.err, HasSubstr("no_tensor_input.pte: input 1 is of kind Int: only tensors can be given"));
}

TEST(Run, AnEmptyBatchRuns) {
  const TemporaryDirectory directory;
  const std::string input = directory.file("x.npy", npy_of<float>("<f4", {0, 16}, {}));
  for (const std::string& path : {program("add_one_dynamic.pte"), packed(directory, program("add_one_dynamic.pte"))}) {
    const Outcome outcome = run_etrt({"run", path, "--input", input, "--output-dir", directory.path("out")});
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_THAT(array_in<float>(directory.path("out/0.npy")).shape, ElementsAre(0, 16));
  }
}

TEST(Run, AProgramThatFailsIsTheCommandsFailureToldOnce) {
  const TemporaryDirectory directory;
  const std::string table = directory.file("table.npy", npy_of<float>("<f4", {5, 3}, std::vector<float>(15)));
  const std::string index = directory.file("index.npy", npy_of<std::int64_t>("<i8", {4}, {0, 1, 2, 99}));
  for (const std::string& path : {program("fails_at_run.pte"), packed(directory, program("fails_at_run.pte"))}) {
    const Outcome outcome = run_etrt({"run", path, "--input", table, "--input", index, "--streams", "2"});
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr("etrt: " + path + ": cannot run method 'forward': "));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(Run, FilesThatAreNoProgramsAreClearErrors) {
  const TemporaryDirectory directory;
  for (const std::string& path : {directory.file("text", "hello"), directory.file("empty", ""), directory.path("none"),
                                  std::string("/"), digits("digits_images.npy")}) {
    const Outcome outcome = run_etrt({"run", path});
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(path));
  }
}

TEST(Run, ProgressOfALongRunIsNotWrittenIntoFiles) {
  // Some 30 ms an iteration; progress on a terminal begins after 200 ms.
  const Outcome outcome = run_etrt({"run", program("slow.pte"), "--iterations", "12"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST(Run, VerboseShowsTheLogOnStderrAlone) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  const Outcome verbose = run_etrt({"run", path, "--verbose", "--json"});
  EXPECT_THAT(verbose.err, HasSubstr("TensorRTBackend: a host program"));
  EXPECT_FALSE(verbose.json().is_discarded());
  EXPECT_THAT(run_etrt({"run", path}).err, IsEmpty());
}

}  // namespace
}  // namespace etrt::cli_test
