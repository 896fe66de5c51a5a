#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <blob/blob.h>
#include <blob/format.h>
#include <etrt/pte.h>
#include <pte/program_files.h>

namespace etrt::pte {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace testing;

std::string error_of(const std::vector<Payload>& payloads, const WriteOptions& options) {
  const auto program = write(payloads, options);
  return program.ok() ? "written" : program.error().message();
}

std::string error_of_io(const std::string& io) {
  const Image engine = to_image("engine");
  return error_of({{"tensorrt", "", engine}}, with_io(io));
}

/// An output of one binding whose fields beside name and is_input are `fields`.
std::string one_output(const std::string& fields) {
  return R"({"io_bindings":[{"name":"y","is_input":false,)" + fields + "}]}";
}

/// The blob in a program of ours, as a view that borrows `program`.
blob::BlobView blob_in(const Image& program) {
  const auto info = inspect(program);
  EXPECT_TRUE(info.ok()) << (info.ok() ? "" : info.error().message());
  const Bytes data = info->methods.at(0).delegates.at(0).data;
  auto view = blob::BlobView::parse({static_cast<const std::byte*>(data.data), data.size});
  EXPECT_TRUE(view.ok()) << (view.ok() ? "" : view.error().message());
  return *std::move(view);
}

TEST(WritePte, AnEngineOfAnUnsaidKindMakesAPlainBlob) {
  const Image engine = to_image("engine-bytes");
  const Image program = write_or_fail({{"", "", engine}}, with_io(kDigitsIo));
  const auto view = blob_in(program);
  EXPECT_TRUE(view.variants().empty());
  EXPECT_EQ(to_text(view.engine()), "engine-bytes");
  ASSERT_EQ(view.metadata().io_bindings.size(), 2U);
  EXPECT_EQ(view.metadata().io_bindings[0].name, "image");
  EXPECT_EQ(view.metadata().io_bindings[0].max_shape, (std::vector<std::int64_t>{64, 1, 8, 8}));
}

TEST(WritePte, TheFirstEngineGoesToTheMainPlaceAndTheOrderStays) {
  const Image program = read_file(example("digits_portable.pte"));
  const Image first = to_image("engine for sm_89");
  const Image second = to_image("engine for sm_120");
  const Image written = write_or_fail(
      {{"program", "host", program}, {"tensorrt_rtx", "sm_89", first}, {"tensorrt_rtx", "sm_120", second}},
      with_io(kDigitsIo));
  const auto view = blob_in(written);
  EXPECT_EQ(to_text(view.engine()), "engine for sm_89");
  ASSERT_EQ(view.candidates().size(), 3U);
  EXPECT_EQ(view.candidates()[0].kind, "program");
  EXPECT_EQ(view.candidates()[1].target, "sm_89");
  EXPECT_EQ(to_text(view.payload(view.candidates()[2])), "engine for sm_120");
  EXPECT_EQ(to_text(view.payload(view.candidates()[0])), to_text(program));
}

TEST(WritePte, AProgramDescribesItself) {
  const Image program = read_file(test_data("two_io.pte"));
  const Image written = write_or_fail({{"program", "host", program}});
  const auto info = inspect(written);
  ASSERT_TRUE(info.ok()) << info.error().message();
  const MethodInfo& method = info->methods.at(0);
  ASSERT_EQ(method.inputs.size(), 2U);
  ASSERT_EQ(method.outputs.size(), 2U);
  EXPECT_EQ(method.inputs[0].tensor.sizes, (std::vector<std::int32_t>{2, 3}));
  EXPECT_EQ(method.inputs[0].tensor.dynamism, Dynamism::kStatic);
  EXPECT_TRUE(method.outputs[1].tensor.sizes.empty());
  const auto view = blob_in(written);
  EXPECT_TRUE(view.engine().empty());
  EXPECT_EQ(view.metadata().io_bindings[0].name, "input_0");
  EXPECT_EQ(view.metadata().io_bindings[3].name, "output_1");
  EXPECT_EQ(view.metadata().io_bindings[3].dtype, "float32");
}

TEST(WritePte, ABoundedProgramKeepsItsUpperBound) {
  const Image program = read_file(example("digits_xnnpack.pte"));
  const Image written = write_or_fail({{"program", "host", program}});
  const auto info = inspect(written);
  ASSERT_TRUE(info.ok()) << info.error().message();
  const TensorInfo& input = info->methods.at(0).inputs.at(0).tensor;
  EXPECT_EQ(input.sizes, (std::vector<std::int32_t>{15, 1, 8, 8}));
  EXPECT_EQ(input.dynamism, Dynamism::kBounded);
  EXPECT_EQ(blob_in(written).metadata().io_bindings[0].shape, (std::vector<std::int64_t>{-1, -1, -1, -1}));
}

TEST(WritePte, ADescriptionBeyondTheProgramIsRefused) {
  const Image program = read_file(example("digits_xnnpack.pte"));
  EXPECT_THAT(error_of({{"program", "host", program}}, with_io(kDigitsIo)),
              AllOf(HasSubstr("\"image\""), HasSubstr("up to 64, the program's bound is 15")));
}

TEST(WritePte, ADescriptionThatIsNotTheProgramsIsRefused) {
  const Image program = read_file(test_data("two_io.pte"));
  const auto error = [&](const std::string& bindings) {
    return error_of({{"program", "host", program}}, with_io(R"({"io_bindings":[)" + bindings + "]}"));
  };
  const std::string in = R"({"name":"a","dtype":"float32","shape":[2,3],"is_input":true})";
  const std::string out = R"(,{"name":"y","dtype":"float32","shape":[2,3],"is_input":false},)"
                          R"({"name":"z","dtype":"float32","shape":[],"is_input":false})";
  const auto second = [](const std::string& fields) { return R"(,{"name":"b","is_input":true,)" + fields + "}"; };
  EXPECT_EQ(error(in + second(R"("dtype":"float32","shape":[2,3])") + out), "written");
  EXPECT_THAT(error(in + out), HasSubstr("asked for 1 inputs, the program has 2"));
  EXPECT_THAT(error(in + second(R"("dtype":"int32","shape":[2,3])") + out), HasSubstr("the program has float32"));
  EXPECT_THAT(error(in + second(R"("dtype":"float32","shape":[6])") + out), HasSubstr("asked for 1 dimensions"));
  EXPECT_THAT(error(in + second(R"("dtype":"float32","shape":[2,2])") + out), HasSubstr("the program fixes it at 3"));
  EXPECT_THAT(error(in + second(R"("dtype":"float32","shape":[2,-1],"max_shape":[2,3])") + out),
              HasSubstr("the program fixes it at 3"));
  EXPECT_THAT(error(in + second(R"("dtype":"float32","shape":[2,3],"dim_order":[1,0])") + out),
              HasSubstr("dim_order is another"));
}

TEST(WritePte, AliasedOutputsStayValuesOfTheirOwn) {
  const Image program = read_file(test_data("decode_step.pte"));
  std::string io = R"({"io_bindings":[)";
  const auto binding = [](const std::string& name, const char* dtype, const char* shape, bool is_input) {
    return R"({"name":")" + name + R"(","dtype":")" + dtype + R"(","shape":)" + shape + R"(,"is_input":)" +
           (is_input ? "true}" : "false}");
  };
  io += binding("x", "float32", "[1,32]", true) + "," + binding("k", "float32", "[16,32]", true) + "," +
        binding("v", "float32", "[16,32]", true) + "," + binding("pos", "int64", "[1]", true) + "," +
        binding("y", "float32", "[1,32]", false) + "," + binding("k_out", "float32", "[16,32]", false) + "," +
        binding("v_out", "float32", "[16,32]", false);
  io += R"(],"aliased_io":[{"output":"k_out","input":"k","kind":"user"},)"
        R"({"output":"v_out","input":"v","kind":"user"}]})";
  const Image written = write_or_fail({{"program", "host", program}}, with_io(io));
  const auto info = inspect(written);
  ASSERT_TRUE(info.ok()) << info.error().message();
  EXPECT_EQ(info->methods.at(0).inputs.size(), 4U);
  EXPECT_EQ(info->methods.at(0).outputs.size(), 3U);
  EXPECT_TRUE(info->methods.at(0).outputs[1].tensor.planned);
  const Bytes data = info->methods.at(0).delegates.at(0).data;
  EXPECT_EQ(std::string(static_cast<const char*>(data.data), 4), "TR02");
  EXPECT_EQ(blob_in(written).metadata().aliased_io.size(), 2U);
}

TEST(WritePte, DescriptionsAProgramCannotHoldAreRefused) {
  EXPECT_THAT(error_of_io(one_output(R"("shape":[1])")), HasSubstr("the dtype is \"\""));
  EXPECT_THAT(error_of_io(one_output(R"("dtype":"float33","shape":[1])")), HasSubstr("float33"));
  EXPECT_THAT(error_of_io(one_output(R"("dtype":"int8","shape":[-1])")), HasSubstr("max_shape is required"));
  EXPECT_THAT(error_of_io(one_output(R"("dtype":"int8","shape":[2147483648])")), HasSubstr("at most 2^31-1"));
  const std::string huge = R"("shape":[2147483647,2147483647,2])";
  EXPECT_THAT(error_of_io(one_output(R"("dtype":"int64",)" + huge)), HasSubstr("2^63-1 bytes"));
  EXPECT_THAT(error_of_io(R"({"io_bindings":[{"name":"a","is_input":false,"dtype":"int8",)" + huge +
                          R"(},{"name":"b","is_input":false,"dtype":"int8",)" + huge + "}]}"),
              HasSubstr("the outputs together"));
  EXPECT_THAT(error_of_io(R"({"io_bindings":[]})"), HasSubstr("no outputs"));
  EXPECT_THAT(error_of_io("{"), HasSubstr("the I/O description is not usable: metadata: malformed"));
  EXPECT_THAT(error_of_io(""), HasSubstr("options.io is required"));
}

TEST(WritePte, PayloadsThatCannotRunAreRefused) {
  const Image engine = to_image("engine");
  EXPECT_THAT(error_of({}, {}), HasSubstr("no payloads"));
  EXPECT_THAT(error_of({{"tensorrt", "", {}}}, {}), HasSubstr("payload 0 (tensorrt) has no bytes"));
  EXPECT_THAT(error_of({{"tpu", "", engine}}, {}), HasSubstr("is of kind \"tpu\""));
  EXPECT_THAT(error_of({{"tensorrt", "", engine}, {"", "", engine}}, {}), HasSubstr("payload 1 has no kind"));
  EXPECT_THAT(error_of({{"", "sm_89", engine}}, {}), HasSubstr("a target but no kind"));
}

TEST(WritePte, OptionsThatCannotBeRightAreRefused) {
  const Image engine = to_image("engine");
  WriteOptions options = with_io(kDigitsIo);
  options.method = "";
  EXPECT_THAT(error_of({{"", "", engine}}, options), HasSubstr("name is empty"));
  options.method = std::string("a\0b", 3);
  EXPECT_THAT(error_of({{"", "", engine}}, options), HasSubstr("contains a NUL"));
  options.method = "forward";
  options.cuda_device = -1;
  EXPECT_THAT(error_of({{"", "", engine}}, options), HasSubstr("cuda_device is -1"));
  options.cuda_device = 0;
  options.compile_specs = {{"", "value"}};
  EXPECT_THAT(error_of({{"", "", engine}}, options), HasSubstr("the key of a compile spec is empty"));
}

}  // namespace
}  // namespace etrt::pte
