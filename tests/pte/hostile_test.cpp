// Programs that pass a flatbuffer verifier and are wrong all the same. No ExecuTorch header may come in here: the
// flatbuffers headers do not go with them.
#include <cstdint>
#include <program_generated.h>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <etrt/pte.h>

namespace etrt::pte {
namespace {

namespace fb = etrt_pte_schema;
using ::testing::HasSubstr;
using Builder = flatbuffers::FlatBufferBuilder;

/// The parts of a program that has one tensor, one method and one delegate; each may be replaced or left out.
struct Parts {
  std::vector<std::int32_t> sizes{2};
  std::vector<std::int32_t> inputs{0};
  bool tensor_there = true;
  bool name_there = true;
  bool processed_there = true;
  fb::DataLocation location = fb::DataLocation::INLINE;
  std::uint32_t index = 0;
  bool inline_data_there = true;
  bool spec_key_there = true;
};

flatbuffers::Offset<fb::EValue> make_value(Builder& builder, const Parts& parts) {
  if (!parts.tensor_there) return fb::CreateEValue(builder, fb::KernelTypes::Tensor, 0);
  const std::vector<std::uint8_t> dim_order{0};
  const auto tensor = fb::CreateTensorDirect(builder, fb::ScalarType::FLOAT, 0, &parts.sizes, &dim_order);
  return fb::CreateEValue(builder, fb::KernelTypes::Tensor, tensor.Union());
}

flatbuffers::Offset<fb::BackendDelegate> make_delegate(Builder& builder, const Parts& parts) {
  const std::vector<std::uint8_t> bytes{1, 2};
  const std::vector<flatbuffers::Offset<fb::CompileSpec>> specs{
      fb::CreateCompileSpecDirect(builder, parts.spec_key_there ? "key" : nullptr, &bytes)};
  flatbuffers::Offset<fb::BackendDelegateDataReference> processed = 0;
  if (parts.processed_there) {
    processed = fb::CreateBackendDelegateDataReference(builder, parts.location, parts.index);
  }
  return fb::CreateBackendDelegateDirect(builder, "SomeBackend", processed, &specs);
}

std::vector<std::byte> make_program(const Parts& parts) {
  Builder builder;
  const std::vector values{make_value(builder, parts)};
  const std::vector delegates{make_delegate(builder, parts)};
  const std::vector plans{fb::CreateExecutionPlanDirect(builder, parts.name_there ? "forward" : nullptr, 0, &values,
                                                        &parts.inputs, nullptr, nullptr, nullptr, &delegates)};
  const std::vector<std::uint8_t> data{7, 8, 9};
  const std::vector inline_data{
      fb::CreateBackendDelegateInlineDataDirect(builder, parts.inline_data_there ? &data : nullptr)};
  fb::FinishProgramBuffer(builder, fb::CreateProgramDirect(builder, 0, &plans, nullptr, &inline_data));
  const auto* bytes = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {bytes, bytes + builder.GetSize()};
}

std::string error_of(const Parts& parts) {
  const auto info = inspect(make_program(parts));
  return info.ok() ? "read" : info.error().message();
}

TEST(HostilePte, WithEverythingInPlaceIsRead) {
  const auto program = make_program({});
  const auto info = inspect(program);
  ASSERT_TRUE(info.ok()) << info.error().message();
  const DelegateInfo& delegate = info->methods.at(0).delegates.at(0);
  EXPECT_EQ(delegate.segment, DelegateInfo::kInline);
  ASSERT_EQ(delegate.data.size, 3U);
  EXPECT_EQ(static_cast<const unsigned char*>(delegate.data.data)[0], 7);
  EXPECT_EQ(delegate.data.data, program.data() + delegate.offset);
}

TEST(HostilePte, ValuesThatAreNotThereAreRefused) {
  EXPECT_THAT(error_of({.inputs = {1}}), HasSubstr("forward, input 0 is value 1 of 1"));
  EXPECT_THAT(error_of({.inputs = {0, -1}}), HasSubstr("forward, input 1 is value -1 of 1"));
  EXPECT_THAT(error_of({.tensor_there = false}), HasSubstr("a tensor without a description"));
  EXPECT_THAT(error_of({.sizes = {-5}}), HasSubstr("a negative size"));
  EXPECT_THAT(error_of({.name_there = false}), HasSubstr("a method's name is missing"));
}

TEST(HostilePte, DelegateDataThatIsNotThereIsRefused) {
  EXPECT_THAT(error_of({.processed_there = false}), HasSubstr("delegate 0 has no data"));
  EXPECT_THAT(error_of({.index = 1}), HasSubstr("inline data 1 of 1"));
  EXPECT_THAT(error_of({.inline_data_there = false}), HasSubstr("inline data that is not there"));
  EXPECT_THAT(error_of({.location = fb::DataLocation::SEGMENT}), HasSubstr("segment 0 of 0"));
  EXPECT_THAT(error_of({.spec_key_there = false}), HasSubstr("the key of a compile spec is missing"));
}

TEST(HostilePte, ASmallFileThatDescribesGigabytesIsRefused) {
  Parts parts;
  parts.sizes.assign(100000, 1);
  parts.inputs.assign(100000, 0);
  EXPECT_THAT(error_of(parts), HasSubstr("larger than 16777216 bytes"));
}

}  // namespace
}  // namespace etrt::pte
