// What a nested program needs of the process: kernels, backends, its own contents.

#include <cstring>
#include <program_fixture.h>

namespace etrt::test {
namespace {

using support::ProgramSpec;

class ProgramRequirements : public ProgramEngine {
 protected:
  Error refusal_of(const ProgramSpec& program) const {
    const auto handle = try_load_bytes(program.build(), 1, 1);
    EXPECT_FALSE(handle.ok());
    return handle.ok() ? Error(ErrorCode::kInternal, "it loads") : handle.error();
  }

  /// `kNotFound` where a library of the application may bring what is missing.
  static void expect_mention(const Error& error, const std::string& text, ErrorCode code = ErrorCode::kNotFound) {
    EXPECT_EQ(error.code(), code);
    EXPECT_NE(error.message().find(text), std::string::npos) << error.message();
  }
};
ETRT_ON_THE_VIRTUAL_GPU(ProgramRequirements);

ProgramSpec::Method calling(const std::vector<std::string>& operators) {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}, {.sizes = {4}}};
  method.inputs = {0};
  method.outputs = {1};
  for (const std::string& op : operators) method.steps.push_back({.op = op, .args = {0, 1, 1}});
  return method;
}

TEST_P(ProgramRequirements, OperatorsWithoutAKernelAreNamedAll) {
  const auto error = refusal_of({.methods = {calling({"mine::first", "aten::relu", "mine::second"})}});
  expect_mention(error, "this process has no kernels for mine::first.out, mine::second.out");
  EXPECT_EQ(error.message().find("relu"), std::string::npos) << error.message();
}

TEST_P(ProgramRequirements, QuantizedOperatorsThatNoLibraryHasAreNamed) {
  expect_mention(refusal_of({.methods = {calling({"quantized_decomposed::nothing"})}}),
                 "no kernels for quantized_decomposed::nothing.out");
}

TEST_P(ProgramRequirements, ABackendThatIsNotThereIsNamed) {
  ProgramSpec::Method method = calling({});
  method.delegates = {{.data = 0, .id = "CoreMLBackend"}};
  method.steps = {{.args = {0, 1}}};
  expect_mention(refusal_of({.methods = {method}}), "this process has no backend CoreMLBackend");
}

TEST_P(ProgramRequirements, ContentsInAFileBesideTheProgramAreNamed) {
  ProgramSpec::Method method = calling({"aten::relu"});
  method.tensors.push_back({.sizes = {4}, .planned = false, .external = "linear.weight"});
  method.tensors.push_back({.sizes = {4}, .planned = false, .external = "linear.bias"});
  expect_mention(refusal_of({.methods = {method}}), "linear.weight, linear.bias are in a data file (.ptd) beside it",
                 ErrorCode::kNotSupported);
}

/// y = x as int8 in steps of 0.5.
ProgramSpec quantizing() {
  constexpr std::int8_t kInt8 = 1, kInt64 = 4, kFloat32 = 6, kFloat64 = 7;
  ProgramSpec program;
  program.segments[0].resize(256);
  const double scale = 0.5;
  std::memcpy(program.segments[0].data(), &scale, sizeof(scale));
  program.constant_offsets = {0, 0, 128};
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}, .type = kFloat32},
                    {.sizes = {4}, .type = kInt8},
                    {.sizes = {1}, .constant = 1, .type = kFloat64},
                    {.sizes = {1}, .constant = 2, .type = kInt64}};
  method.integers = {-128, 127, kInt8};
  method.inputs = {0};
  method.outputs = {1};
  method.steps = {
      {.op = "quantized_decomposed::quantize_per_tensor", .args = {0, 2, 3, 4, 5, 6, 1, 1}, .overload = "Tensor_out"}};
  program.methods = {method};
  return program;
}

TEST_P(ProgramRequirements, QuantizedKernelsComeWithTheProgramThatCallsThem) {
  const auto handle = must(try_load_bytes(quantizing().build(), 1, 1));
  Floats x({4}, 3);
  std::vector<std::int8_t> quantized(4);
  TestTensor y({4}, quantized.data(), TestTensor::Kind{.type = ScalarType::Char});
  ASSERT_THAT(execute(*handle, x.tensor, y), is_ok());
  EXPECT_EQ(quantized, std::vector<std::int8_t>(4, 6));
}

}  // namespace
}  // namespace etrt::test
