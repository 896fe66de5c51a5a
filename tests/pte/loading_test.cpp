// Programs that we write, loaded and run by a stock ExecuTorch with a fake backend in our place.
#include <array>
#include <cstring>
#include <memory>

#include <executorch/extension/data_loader/buffer_data_loader.h>
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>
#include <executorch/runtime/core/exec_aten/util/tensor_util.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <blob/blob.h>
#include <etrt/pte.h>
#include <pte/fake_backend.h>
#include <pte/program_files.h>

namespace etrt::pte {
namespace {

using namespace testing;
using executorch::aten::ScalarType;
using executorch::extension::make_tensor_ptr;
using executorch::extension::Module;
using executorch::runtime::Error;
using executorch::runtime::EValue;
using executorch::runtime::Program;
using executorch::runtime::Span;

/// Loads the bytes as a stock Module would load a file, with every check that ExecuTorch has.
class LoadedProgram {
 public:
  explicit LoadedProgram(Image program, Module::LoadMode mode = Module::LoadMode::File)
      : file_(program), module_(file_.path(), mode) {
    EXPECT_EQ(module_.load(Program::Verification::InternalConsistency), Error::Ok);
  }

  Module& operator*() { return module_; }
  Module* operator->() { return &module_; }
  const TemporaryFile& file() const { return file_; }

 private:
  TemporaryFile file_;
  Module module_;
};

std::vector<float> digits(std::int32_t count) {
  std::vector<float> pixels(static_cast<std::size_t>(count) * 64);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<float>(i % 17);
  return pixels;
}

std::vector<float> floats_of(const EValue& value) {
  const auto& tensor = value.toTensor();
  return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()};
}

/// Stands for the engine: row n of the logits is n.
void number_the_rows(Span<EValue*> args) {
  const auto rows = args[0]->toTensor().size(0);
  auto logits = args[1]->toTensor();
  const std::array<executorch::aten::SizesType, 2> sizes{static_cast<executorch::aten::SizesType>(rows), 10};
  ASSERT_EQ(executorch::runtime::resize_tensor(logits, {sizes.data(), sizes.size()}), Error::Ok);
  for (std::int64_t i = 0; i < logits.numel(); ++i) {
    logits.mutable_data_ptr<float>()[i] = static_cast<float>(i / 10);
  }
}

Image digits_program(const WriteOptions& options = with_io(kDigitsIo)) {
  return write_or_fail({{"", "", to_image(std::string(5000, 'e'))}}, options);
}

TEST(LoadedPte, RunsWithTheInputsAndOutputsOfTheDescription) {
  FakeBackend& fake = FakeBackend::reset();
  fake.run = number_the_rows;
  LoadedProgram program(digits_program());
  for (const std::int32_t count : {1, 64, 3}) {
    const auto outputs = program->forward(make_tensor_ptr({count, 1, 8, 8}, digits(count)));
    ASSERT_TRUE(outputs.ok()) << static_cast<int>(outputs.error());
    ASSERT_EQ(fake.args.size(), 2U);
    EXPECT_EQ(fake.args[0].type, ScalarType::Float);
    EXPECT_EQ(fake.args[0].sizes, (std::vector<std::int32_t>{count, 1, 8, 8}));
    EXPECT_NE(fake.args[1].data, nullptr);
    EXPECT_FALSE(fake.args[1].cuda);
    const auto logits = floats_of(outputs->at(0));
    ASSERT_EQ(logits.size(), static_cast<std::size_t>(count) * 10);
    EXPECT_EQ(logits.back(), static_cast<float>(count - 1));
  }
}

TEST(LoadedPte, InputsArePassedOnWithoutACopy) {
  const FakeBackend& fake = FakeBackend::reset();
  LoadedProgram program(digits_program());
  const auto input = make_tensor_ptr({2, 1, 8, 8}, digits(2));
  ASSERT_TRUE(program->forward(input).ok());
  EXPECT_EQ(fake.args.at(0).data, input->const_data_ptr());
}

TEST(LoadedPte, TheBlobIsMappedFromTheFileAndAligned) {
  FakeBackend& fake = FakeBackend::reset();
  LoadedProgram program(digits_program(), Module::LoadMode::Mmap);
  fake.mapped_file = program.file().path();
  ASSERT_EQ(program->load_forward(), Error::Ok);
  EXPECT_EQ(fake.blob_address % 16, 0U);
  EXPECT_TRUE(fake.blob_in_mapped_file);
}

TEST(LoadedPte, TheBackendGetsTheBlobAndTheCompileSpecs) {
  const FakeBackend& fake = FakeBackend::reset();
  WriteOptions options = with_io(kDigitsIo);
  options.compile_specs = {{"weight_streaming_budget", "1024"}, {"bytes", std::string("\0\xff", 2)}, {"empty", ""}};
  LoadedProgram program(digits_program(options));
  ASSERT_EQ(program->load_forward(), Error::Ok);
  ASSERT_EQ(fake.compile_specs.size(), 3U);
  EXPECT_EQ(fake.compile_specs[0].key, "weight_streaming_budget");
  EXPECT_EQ(fake.compile_specs[0].value, "1024");
  EXPECT_EQ(fake.compile_specs[1].value, std::string("\0\xff", 2));
  EXPECT_EQ(fake.compile_specs[2].value, "");
  const auto view = blob::BlobView::parse(fake.blob);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->engine().size(), 5000U);
}

TEST(LoadedPte, TheMethodHasTheNameThatWasAskedFor) {
  FakeBackend::reset();
  WriteOptions options = with_io(kDigitsIo);
  options.method = "encode";
  LoadedProgram program(digits_program(options));
  EXPECT_EQ(program->load_method("encode"), Error::Ok);
  EXPECT_NE(program->load_forward(), Error::Ok);
}

TEST(LoadedPte, ScalarsEmptyTensorsAndEveryTypeAreCarried) {
  const FakeBackend& fake = FakeBackend::reset();
  const std::pair<const char*, ScalarType> types[] = {
      {"uint8", ScalarType::Byte},       {"int8", ScalarType::Char},      {"int16", ScalarType::Short},
      {"int32", ScalarType::Int},        {"int64", ScalarType::Long},     {"float16", ScalarType::Half},
      {"float32", ScalarType::Float},    {"float64", ScalarType::Double}, {"bool", ScalarType::Bool},
      {"bfloat16", ScalarType::BFloat16}};
  std::string io = R"({"io_bindings":[{"name":"in","dtype":"int64","shape":[],"is_input":true})";
  for (const auto& [name, type] : types) {
    io += R"(,{"name":")" + std::string(name) + R"(","dtype":")" + name + R"(","shape":[3],"is_input":false})";
  }
  io += R"(,{"name":"empty","dtype":"float32","shape":[0,4],"is_input":false}]})";
  LoadedProgram program(write_or_fail({{"tensorrt", "", to_image("engine")}}, with_io(io)));
  const auto outputs = program->forward(make_tensor_ptr(std::int64_t{7}));
  ASSERT_TRUE(outputs.ok()) << static_cast<int>(outputs.error());
  EXPECT_TRUE(fake.args.at(0).sizes.empty());
  for (std::size_t i = 0; i < std::size(types); ++i) EXPECT_EQ(fake.args.at(i + 1).type, types[i].second);
  EXPECT_EQ(fake.args.back().sizes, (std::vector<std::int32_t>{0, 4}));
  EXPECT_NE(fake.args.back().data, nullptr);
}

TEST(LoadedPte, PlannedOutputsNeverShareMemory) {
  const FakeBackend& fake = FakeBackend::reset();
  const std::string io = R"({"io_bindings":[{"name":"a","dtype":"int8","shape":[3],"is_input":false},)"
                         R"({"name":"b","dtype":"float64","shape":[-1],"max_shape":[1000],"is_input":false},)"
                         R"({"name":"c","dtype":"float32","shape":[5],"is_input":false}]})";
  LoadedProgram program(write_or_fail({{"tensorrt", "", to_image("engine")}}, with_io(io)));
  ASSERT_TRUE(program->forward().ok());
  const auto address = [&](std::size_t i) { return reinterpret_cast<std::uintptr_t>(fake.args.at(i).data); };
  EXPECT_GE(address(1), address(0) + 3);
  EXPECT_GE(address(2), address(1) + 8000);
  EXPECT_EQ(address(1) % 16, 0U);
}

TEST(LoadedPte, CallerProvidedOutputsAreWrittenInPlace) {
  FakeBackend& fake = FakeBackend::reset();
  fake.run = number_the_rows;
  WriteOptions options = with_io(kDigitsIo);
  options.outputs = OutputMemory::kCaller;
  LoadedProgram program(digits_program(options));
  const auto mine = make_tensor_ptr({64, 10}, std::vector<float>(640, -1));
  ASSERT_EQ(program->set_output(mine), Error::Ok);
  ASSERT_TRUE(program->forward(make_tensor_ptr({2, 1, 8, 8}, digits(2))).ok());
  EXPECT_EQ(mine->const_data_ptr<float>()[19], 1.0F);
  EXPECT_EQ(mine->const_data_ptr<float>()[20], -1.0F);
}

TEST(LoadedPte, CudaLabelsReachTheTensorsAndThePlannedMemory) {
  const FakeBackend& fake = FakeBackend::reset();
  WriteOptions options = with_io(kDigitsIo);
  options.cuda_io = true;
  options.cuda_device = 1;
  const Image image = digits_program(options);
  const auto info = inspect(image);
  ASSERT_TRUE(info.ok()) << info.error().message();
  EXPECT_EQ(info->methods.at(0).inputs.at(0).tensor.device, Device::kCuda);
  EXPECT_EQ(info->methods.at(0).outputs.at(0).tensor.device_index, 1);
  EXPECT_FALSE(info->methods.at(0).inputs.at(0).tensor.planned);
  LoadedProgram program(image);
  const auto meta = program->method_meta("forward");
  ASSERT_TRUE(meta.ok());
  const auto device = meta->memory_planned_buffer_device(0);
  ASSERT_TRUE(device.ok());
  EXPECT_FALSE(device->is_cpu());
  EXPECT_EQ(device->index(), 1);
  const auto on_device = make_tensor_ptr({1, 1, 8, 8}, digits(1));
  ASSERT_TRUE(program->forward(on_device).ok());
  EXPECT_TRUE(fake.args.at(0).cuda);
  EXPECT_TRUE(fake.args.at(1).cuda);
  EXPECT_NE(fake.args.at(1).data, nullptr);
}

/// Runs the program nested in the blob that the backend got, in place: nothing of the blob is moved.
void run_nested(const FakeBackend& fake, Span<EValue*> args) {
  const auto view = blob::BlobView::parse(fake.blob);
  ASSERT_TRUE(view.ok()) << view.error().message();
  const auto bytes = view->payload(view->candidates().at(0));
  ASSERT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % 16, 0U);
  Module nested(std::make_unique<executorch::extension::BufferDataLoader>(bytes.data(), bytes.size()));
  const auto outputs = nested.forward(*args[0]);
  ASSERT_TRUE(outputs.ok()) << static_cast<int>(outputs.error());
  const auto& from = outputs->at(0).toTensor();
  auto to = args[1]->toTensor();
  ASSERT_EQ(executorch::runtime::resize_tensor(to, from.sizes()), Error::Ok);
  std::memcpy(to.mutable_data_ptr(), from.const_data_ptr(), from.nbytes());
}

TEST(LoadedPte, ANestedProgramGivesWhatItGivesAlone) {
  for (const char* name : {"digits_portable.pte", "digits_xnnpack.pte"}) {
    SCOPED_TRACE(name);
    FakeBackend& fake = FakeBackend::reset();
    fake.run = [&fake](Span<EValue*> args) { run_nested(fake, args); };
    const Image nested = read_file(example(name));
    LoadedProgram program(write_or_fail({{"program", "host", nested}}));
    Module alone(example(name));
    for (const std::int32_t count : {15, 1, 7}) {
      const auto input = make_tensor_ptr({count, 1, 8, 8}, digits(count));
      const auto expected = alone.forward(input);
      ASSERT_TRUE(expected.ok());
      const auto outputs = program->forward(input);
      ASSERT_TRUE(outputs.ok()) << static_cast<int>(outputs.error());
      EXPECT_EQ(floats_of(outputs->at(0)), floats_of(expected->at(0)));
    }
  }
}

}  // namespace
}  // namespace etrt::pte
