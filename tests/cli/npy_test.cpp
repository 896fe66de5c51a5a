#include <cstring>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/arrays.h>
#include <cli/npy.h>
#include <support/matchers.h>

namespace etrt::cli {
namespace {

using cli_test::npy_of;
using support::is_ok;
using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// A file of format version 1 with this header and data.
std::string file_with(const std::string& header, const std::string& data = "") {
  std::string file = "\x93NUMPY";
  file += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  return file + header + data;
}

std::string message_for(const std::string& file) {
  const auto parsed = parse_npy(bytes_of(file));
  return parsed.ok() ? "parsed" : parsed.error().message();
}

TEST(Npy, WritesWhatNumpyWrites) {
  const auto file = npy_of<float>("<f4", {2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  EXPECT_EQ(file.size(), 128u + 24u);
  EXPECT_EQ(std::memcmp(file.data(), "\x93NUMPY\x01\x00\x76\x00", 10), 0);
  EXPECT_EQ(std::memcmp(file.data() + 10, header.data(), header.size()), 0);
  EXPECT_EQ(file[127], std::byte{'\n'});
}

TEST(Npy, ReadsWhatItWrites) {
  const auto file = npy_of<std::int64_t>("<i8", {3}, {1, -2, 3});
  const auto parsed = parse_npy(file);
  ASSERT_THAT(parsed, is_ok());
  EXPECT_EQ(parsed->type, "<i8");
  EXPECT_THAT(parsed->shape, ElementsAre(3));
  EXPECT_FALSE(parsed->column_major);
  EXPECT_EQ(parsed->data.size(), 24u);
}

TEST(Npy, ReadsScalarsAndEmptyArrays) {
  const auto scalar = npy_of<float>("<f4", {}, {1});
  ASSERT_THAT(parse_npy(scalar), is_ok());
  EXPECT_TRUE(parse_npy(scalar)->shape.empty());
  const auto empty = npy_of<float>("<f4", {4, 0}, {});
  ASSERT_THAT(parse_npy(empty), is_ok());
  EXPECT_THAT(parse_npy(empty)->shape, ElementsAre(4, 0));
}

TEST(Npy, ReadsHeadersOf128BytesAndMore) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }" + std::string(300, ' ') + "\n";
  EXPECT_EQ(message_for(file_with(header, "abcd")), "parsed");
}

TEST(Npy, ReadsKeysInAnyOrderAndDoubleQuotes) {
  const auto file = file_with("{\"shape\": (2, ), \"fortran_order\": True, \"descr\": \"|u1\"}", "ab");
  const auto parsed = parse_npy(bytes_of(file));
  ASSERT_THAT(parsed, is_ok());
  EXPECT_TRUE(parsed->column_major);
}

TEST(Npy, ReadsFormatVersionsTwoAndThree) {
  const std::string header = "{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }\n";
  for (const char version : {'\x02', '\x03'}) {
    std::string file = "\x93NUMPY";
    file += {version, '\x00', static_cast<char>(header.size()), '\x00', '\x00', '\x00'};
    EXPECT_EQ(message_for(file + header + "\x01"), "parsed");
  }
}

TEST(Npy, RefusesDataOfAnotherSizeThanTheShapeSays) {
  const std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  EXPECT_THAT(message_for(file_with(header, "1234567")), HasSubstr("needs 8 bytes of data, it has 7"));
  EXPECT_THAT(message_for(file_with(header, "123456789")), HasSubstr("needs 8 bytes of data, it has 9"));
}

TEST(Npy, RefusesShapesThatOverflow) {
  const std::string huge = "{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }";
  EXPECT_THAT(message_for(file_with(huge)), HasSubstr("more than 2^64"));
  const std::string beyond = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }";
  EXPECT_THAT(message_for(file_with(beyond)), HasSubstr("where a size of 0 or more belongs"));
  const std::string negative = "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }";
  EXPECT_THAT(message_for(file_with(negative)), HasSubstr("where a size of 0 or more belongs"));
}

TEST(Npy, RefusesTypesThatAreNoPlainNumbers) {
  for (const char* type : {">f4", "<O8", "<U4", "<f", "f4", "<M8[ns]", "<f99999999999999999999", ""}) {
    const std::string header = std::string("{'descr': '") + type + "', 'fortran_order': False, 'shape': (1,), }";
    EXPECT_THAT(message_for(file_with(header, "12345678")), HasSubstr("is no little-endian number or boolean")) << type;
  }
  const std::string record = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }";
  EXPECT_THAT(message_for(file_with(record, "1234")), HasSubstr("records"));
}

TEST(Npy, RefusesMalformedHeadersByName) {
  EXPECT_THAT(message_for("PK\x03\x04 this is a zip file"), HasSubstr("does not begin as one"));
  EXPECT_THAT(message_for(""), HasSubstr("does not begin as one"));
  EXPECT_THAT(message_for("\x93NUMPY\x09"), HasSubstr("ends after 7 bytes"));
  EXPECT_THAT(message_for(std::string("\x93NUMPY\x09\x00\x00\x00", 10)), HasSubstr("version is 9"));
  EXPECT_THAT(message_for("\x93NUMPY\x01\x01\xff\xff{"), HasSubstr("header has 65535 bytes, 1 are there"));
  EXPECT_THAT(message_for(file_with("{'descr': '<f4', 'shape': (1,), }")), HasSubstr("lacks 'fortran_order'"));
  EXPECT_THAT(message_for(file_with("{'descr': '<f4', 'descr': '<f4'}")), HasSubstr("'descr' twice"));
  EXPECT_THAT(message_for(file_with("{'magic': 1}")), HasSubstr("unknown key 'magic'"));
  EXPECT_THAT(message_for(file_with("{'fortran_order': Maybe}")), HasSubstr("where True or False belongs"));
}

TEST(Npy, NoMutationOfAFileReadsOutsideOfIt) {
  const std::vector<std::byte> good = npy_of<float>("<f4", {2, 3}, {1, 2, 3, 4, 5, 6});
  std::mt19937 generator(1);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> file = good;
    for (int flips = 0; flips < 3; ++flips) file[generator() % 140] = static_cast<std::byte>(generator());
    file.resize(generator() % (file.size() + 1));
    const auto parsed = parse_npy(file);
    if (!parsed.ok()) continue;
    std::size_t elements = 1;
    for (const std::int64_t size : parsed->shape) elements *= static_cast<std::size_t>(size);
    EXPECT_EQ(elements * parsed->element_bytes, parsed->data.size());
    EXPECT_LE(parsed->data.data() + parsed->data.size(), file.data() + file.size());
  }
}

TEST(Npy, NamesTypesForMessages) {
  EXPECT_EQ(npy_type_text("<f4"), "float32 (<f4)");
  EXPECT_EQ(npy_type_text("<i8"), "int64 (<i8)");
  EXPECT_EQ(npy_type_text("|b1"), "bool (|b1)");
  EXPECT_EQ(npy_type_text("<V2"), "<V2");
}

}  // namespace
}  // namespace etrt::cli
