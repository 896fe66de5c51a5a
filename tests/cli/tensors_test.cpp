#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/arrays.h>
#include <cli/tensors.h>
#include <support/matchers.h>

namespace etrt::cli {
namespace {

using cli_test::npy_of;
using support::is_ok;
using testing::ElementsAre;
using testing::HasSubstr;

pte::ValueInfo value(std::string dtype, std::vector<std::int32_t> sizes, std::vector<std::uint8_t> dim_order,
                     pte::Dynamism dynamism = pte::Dynamism::kStatic) {
  pte::ValueInfo info;
  info.kind = "Tensor";
  info.tensor.dtype = std::move(dtype);
  info.tensor.sizes = std::move(sizes);
  info.tensor.dim_order = std::move(dim_order);
  info.tensor.dynamism = dynamism;
  return info;
}

template <class T>
std::vector<T> elements(const HostTensor& tensor) {
  std::vector<T> values(tensor.data.size() / sizeof(T));
  std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  return values;
}

Result<HostTensor> tensor_of(const std::vector<std::byte>& file, const pte::ValueInfo& info) {
  const auto array = parse_npy(file);
  EXPECT_THAT(array, is_ok());
  return tensor_from_npy(*array, info, "input 0");
}

TEST(Tensors, ArraysAreLaidOutInTheProgramsDimOrder) {
  const auto file = npy_of<std::int32_t>("<i4", {2, 3}, {1, 2, 3, 4, 5, 6});
  const auto tensor = tensor_of(file, value("int32", {2, 3}, {1, 0}));
  ASSERT_THAT(tensor, is_ok());
  EXPECT_THAT(elements<std::int32_t>(*tensor), ElementsAre(1, 4, 2, 5, 3, 6));
  EXPECT_EQ(npy_from_tensor(*tensor), file) << "and written back in C order";
}

TEST(Tensors, ArraysInFortranOrderAreReadToo) {
  std::string header = "{'descr': '|i1', 'fortran_order': True, 'shape': (2, 3), }";
  std::string text = "\x93NUMPY";
  text += {'\x01', '\x00', static_cast<char>(header.size()), '\x00'};
  text += header + "\x01\x04\x02\x05\x03\x06";
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  const auto tensor = tensor_of({data, data + text.size()}, value("int8", {2, 3}, {0, 1}));
  ASSERT_THAT(tensor, is_ok());
  EXPECT_THAT(elements<std::int8_t>(*tensor), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Tensors, SmallerExtentsFitABoundedShapeAndLargerOnesDoNot) {
  const pte::ValueInfo info = value("float32", {4, 2}, {0, 1}, pte::Dynamism::kBounded);
  EXPECT_THAT(tensor_of(npy_of<float>("<f4", {1, 2}, {1, 2}), info), is_ok());
  EXPECT_THAT(tensor_of(npy_of<float>("<f4", {0, 2}, {}), info), is_ok());
  const auto larger = tensor_of(npy_of<float>("<f4", {8, 1}, std::vector<float>(8)), info);
  ASSERT_FALSE(larger.ok());
  EXPECT_EQ(larger.error().message(), "input 0 has shape [8, 1], the program takes up to [4, 2]");
}

TEST(Tensors, AStaticShapeIsTakenAsItIs) {
  const auto smaller = tensor_of(npy_of<float>("<f4", {1}, {1}), value("float32", {2}, {0}));
  ASSERT_FALSE(smaller.ok());
  EXPECT_EQ(smaller.error().message(), "input 0 has shape [1], the program takes [2]");
}

TEST(Tensors, AnotherElementTypeIsAnErrorThatSaysWhatToDo) {
  const auto wrong = tensor_of(npy_of<std::int64_t>("<i8", {1}, {1}), value("float32", {1}, {0}));
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(), HasSubstr("wants float32, the file holds int64 (<i8)"));
  EXPECT_THAT(wrong.error().message(), HasSubstr(".astype('float32')"));
}

TEST(Tensors, BitsOfBfloat16ComeAsIntegersOrAsRawBytes) {
  const pte::ValueInfo info = value("bfloat16", {1}, {0});
  EXPECT_THAT(tensor_of(npy_of<std::uint16_t>("<u2", {1}, {0x3f80}), info), is_ok());
  EXPECT_THAT(tensor_of(npy_of<std::uint16_t>("<V2", {1}, {0x3f80}), info), is_ok());
  const auto wrong = tensor_of(npy_of<float>("<f4", {1}, {1}), info);
  ASSERT_FALSE(wrong.ok());
  EXPECT_THAT(wrong.error().message(), HasSubstr("numpy has no bfloat16"));
}

TEST(Tensors, RandomTensorsDependOnTheSeedAlone) {
  const pte::ValueInfo info = value("float32", {8}, {0});
  std::mt19937_64 first(1);
  std::mt19937_64 again(1);
  std::mt19937_64 other(2);
  EXPECT_EQ(random_tensor(info, first, "x")->data, random_tensor(info, again, "x")->data);
  EXPECT_NE(random_tensor(info, first, "x")->data, random_tensor(info, other, "x")->data);
}

TEST(Tensors, RandomFloatsLieBetweenZeroAndOneAndIntegersAreZeroOrOne) {
  std::mt19937_64 generator(3);
  for (const float number : elements<float>(*random_tensor(value("float32", {100}, {0}), generator, "x"))) {
    EXPECT_TRUE(number >= 0 && number < 1) << number;
  }
  for (const std::int64_t number : elements<std::int64_t>(*random_tensor(value("int64", {100}, {0}), generator, "x"))) {
    EXPECT_TRUE(number == 0 || number == 1) << number;
  }
}

TEST(Tensors, ADimOrderThatIsNoPermutationIsRefused) {
  std::mt19937_64 generator(0);
  for (const std::vector<std::uint8_t>& order : {std::vector<std::uint8_t>{0, 0}, {0, 7}, {0}}) {
    EXPECT_FALSE(random_tensor(value("float32", {2, 2}, order), generator, "x").ok());
  }
}

TEST(Tensors, SizesThatNoAddressSpaceHoldsAreRefused) {
  std::mt19937_64 generator(0);
  const std::vector<std::int32_t> huge(4, INT32_MAX);
  EXPECT_FALSE(random_tensor(value("float32", huge, {0, 1, 2, 3}), generator, "x").ok());
}

TEST(Tensors, ValuesThatAreNoTensorsAreRefusedByName) {
  pte::ValueInfo info;
  info.kind = "Int";
  const auto type = element_type_of(info, "input 3");
  ASSERT_FALSE(type.ok());
  EXPECT_THAT(type.error().message(), HasSubstr("input 3 is of kind Int"));
}

}  // namespace
}  // namespace etrt::cli
