#include <algorithm>
#include <cstring>
#include <filesystem>

#include <executorch/extension/module/module.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <etrt/pte.h>
#include <pte/fake_backend.h>
#include <pte/program_files.h>

namespace etrt::pte {
namespace {

using ::testing::HasSubstr;
using namespace testing;
using executorch::extension::Module;

std::string refusal_of(Bytes pte) {
  const auto info = inspect(pte);
  return info.ok() ? "read" : info.error().message();
}

class InspectFile : public ::testing::TestWithParam<std::string> {};

void expect_same(const ValueInfo& ours, const executorch::runtime::Result<executorch::runtime::TensorInfo>& theirs) {
  ASSERT_EQ(ours.kind, "Tensor");
  ASSERT_TRUE(theirs.ok());
  EXPECT_TRUE(
      std::equal(ours.tensor.sizes.begin(), ours.tensor.sizes.end(), theirs->sizes().begin(), theirs->sizes().end()));
  EXPECT_TRUE(std::equal(ours.tensor.dim_order.begin(), ours.tensor.dim_order.end(), theirs->dim_order().begin(),
                         theirs->dim_order().end()));
  EXPECT_EQ(ours.tensor.dtype, theirs->scalar_type() == executorch::aten::ScalarType::Long ? "int64" : "float32");
  EXPECT_EQ(ours.tensor.planned, theirs->is_memory_planned());
}

TEST_P(InspectFile, AgreesWithExecuTorchsOwnMetadata) {
  const Image file = read_file(GetParam());
  const auto info = inspect(file);
  ASSERT_TRUE(info.ok()) << info.error().message();
  Module module(GetParam());
  ASSERT_EQ(*module.num_methods(), info->methods.size());
  for (const MethodInfo& method : info->methods) {
    const auto meta = module.method_meta(method.name);
    ASSERT_TRUE(meta.ok());
    ASSERT_EQ(method.inputs.size(), meta->num_inputs());
    ASSERT_EQ(method.outputs.size(), meta->num_outputs());
    for (std::size_t i = 0; i < method.inputs.size(); ++i) expect_same(method.inputs[i], meta->input_tensor_meta(i));
    for (std::size_t i = 0; i < method.outputs.size(); ++i) expect_same(method.outputs[i], meta->output_tensor_meta(i));
    EXPECT_EQ(method.planned_buffers.size(), meta->num_memory_planned_buffers());
    EXPECT_GT(method.instructions, 0U);
    for (const DelegateInfo& delegate : method.delegates) EXPECT_TRUE(meta->uses_backend(delegate.id.c_str()));
  }
}

TEST_P(InspectFile, ReadsAFileAtAnyAddress) {
  const Image file = read_file(GetParam());
  for (const std::size_t shift : {1U, 8U}) {
    Image shifted(file.size() + shift);
    std::memcpy(shifted.data() + shift, file.data(), file.size());
    const auto info = inspect({shifted.data() + shift, file.size()});
    ASSERT_TRUE(info.ok()) << info.error().message();
    for (const DelegateInfo& delegate : info->methods.at(0).delegates) {
      EXPECT_EQ(delegate.data.data, shifted.data() + shift + delegate.offset);
    }
  }
}

TEST_P(InspectFile, TruncationsAreRefusedOrSeeTheirDelegatesInside) {
  const Image file = read_file(GetParam());
  for (std::size_t size = 0; size < file.size(); size += 1 + size / 16) {
    const auto info = inspect({file.data(), size});
    if (!info.ok()) continue;
    for (const MethodInfo& method : info->methods) {
      for (const DelegateInfo& delegate : method.delegates) EXPECT_LE(delegate.offset + delegate.data.size, size);
    }
  }
}

std::string stem_of(const ::testing::TestParamInfo<std::string>& file) {
  return std::filesystem::path(file.param).stem().string();
}

INSTANTIATE_TEST_SUITE_P(, InspectFile,
                         ::testing::Values(test_data("two_io.pte"), test_data("decode_step.pte"),
                                           test_data("digits_tensorrt_rtx.pte"),
                                           test_data("digits_tensorrt_rtx_cuda_io.pte"), example("digits_portable.pte"),
                                           example("digits_xnnpack.pte")),
                         stem_of);

TEST(Inspect, FindsTheDelegateItsDataAndItsCompileSpecs) {
  const Image file = read_file(test_data("digits_tensorrt_rtx_cuda_io.pte"));
  const auto info = inspect(file);
  ASSERT_TRUE(info.ok()) << info.error().message();
  const MethodInfo& method = info->methods.at(0);
  EXPECT_EQ(method.name, "forward");
  EXPECT_EQ(method.inputs.at(0).tensor.device, Device::kCpu);
  ASSERT_EQ(method.delegates.size(), 1U);
  const DelegateInfo& delegate = method.delegates[0];
  EXPECT_EQ(delegate.id, "TensorRTBackend");
  EXPECT_EQ(delegate.segment, 1);
  EXPECT_EQ(delegate.offset, 1536U);
  EXPECT_EQ(delegate.data.size, 347500U);
  EXPECT_EQ(std::memcmp(delegate.data.data, "TR01", 4), 0);
  ASSERT_EQ(delegate.compile_specs.size(), 1U);
  EXPECT_EQ(delegate.compile_specs[0].key, "target_device");
  EXPECT_EQ(delegate.compile_specs[0].value, "cuda:0");
}

TEST(Inspect, TellsWhatTheMethodHandsToTheDelegate) {
  const Image file = read_file(test_data("digits_tensorrt_rtx_cuda_io.pte"));
  const auto info = inspect(file);
  ASSERT_TRUE(info.ok()) << info.error().message();
  const auto& arguments = info->methods.at(0).delegates.at(0).arguments;
  ASSERT_EQ(arguments.size(), 2U);
  EXPECT_EQ(arguments[0].tensor.sizes, (std::vector<std::int32_t>{15, 1, 8, 8}));
  EXPECT_EQ(arguments[0].tensor.device, Device::kCuda) << "unlike the method's input, which is copied there";
  EXPECT_EQ(arguments[1].tensor.sizes, (std::vector<std::int32_t>{15, 10}));
}

TEST(Inspect, WhatIsNoProgramIsNamed) {
  EXPECT_THAT(refusal_of({}), HasSubstr("it has 0 bytes"));
  EXPECT_THAT(refusal_of(to_image(std::string(64, 'x'))), HasSubstr("bytes 4 to 7 are not \"ET12\""));
}

TEST(Inspect, HeadersThatPointOutsideAreRefused) {
  const Image good = read_file(test_data("two_io.pte"));
  const auto with_number = [&](std::size_t offset, auto value) {
    Image file = good;
    std::memcpy(file.data() + offset, &value, sizeof(value));
    return refusal_of(file);
  };
  constexpr std::uint64_t kHuge = ~std::uint64_t{0};
  EXPECT_THAT(with_number(12, std::uint32_t{4}), HasSubstr("length 4, must be at least 24"));
  EXPECT_THAT(with_number(16, kHuge), HasSubstr("18446744073709551615 bytes"));
  EXPECT_THAT(with_number(16, std::uint64_t{0}), HasSubstr("truncated or corrupt"));
  EXPECT_THAT(with_number(24, kHuge), HasSubstr("segments begin at 18446744073709551615"));
  EXPECT_THAT(with_number(24, std::uint64_t{good.size()}), HasSubstr("the file has"));
  EXPECT_THAT(with_number(24, std::uint64_t{0}), HasSubstr("behind 0"));
  EXPECT_THAT(with_number(0, std::uint32_t{0xfffffff0}), HasSubstr("truncated or corrupt"));
}

}  // namespace
}  // namespace etrt::pte
