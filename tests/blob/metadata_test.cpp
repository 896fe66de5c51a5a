#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <blob/format.h>
#include <blob/metadata_json.h>

namespace etrt::blob {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string error_of(const std::string& json) {
  const auto metadata = metadata_from_json(json);
  return metadata.ok() ? "parsed" : metadata.error().message();
}

/// Metadata with one binding, whose fields beside name and is_input are `fields`.
std::string with_binding(const std::string& fields) {
  return R"({"io_bindings":[{"name":"x","is_input":true,)" + fields + "}]}";
}

std::string with_alias(const std::string& aliases) {
  return R"({"io_bindings":[{"name":"a","is_input":true},{"name":"b","is_input":true},)"
         R"({"name":"c","is_input":false},{"name":"d","is_input":false}],"aliased_io":[)" +
         aliases + "]}";
}

TEST(Metadata, ReadsEveryKey) {
  const auto metadata = metadata_from_json(
      R"({"io_bindings":[{"name":"x","dtype":"float16","shape":[-1,3,4],"is_input":true,"min_shape":[1,3,4],)"
      R"("max_shape":[8,3,4],"dim_order":[0,2,1]}],"aliased_io":[],"hardware_compatible":true,"device_id":2,)"
      R"("serialized_metadata":"s","target_platform":"linux_x86_64"})");
  ASSERT_TRUE(metadata.ok()) << metadata.error().message();
  const Binding& binding = metadata->io_bindings.at(0);
  EXPECT_EQ(binding.dtype, "float16");
  EXPECT_EQ(binding.shape, (std::vector<std::int64_t>{-1, 3, 4}));
  EXPECT_EQ(binding.min_shape, (std::vector<std::int64_t>{1, 3, 4}));
  EXPECT_EQ(binding.max_shape, (std::vector<std::int64_t>{8, 3, 4}));
  EXPECT_EQ(binding.dim_order, (std::vector<std::uint8_t>{0, 2, 1}));
  EXPECT_TRUE(metadata->hardware_compatible);
  EXPECT_EQ(metadata->device_id, 2);
  EXPECT_EQ(metadata->serialized_metadata, "s");
  EXPECT_EQ(metadata->target_platform, "linux_x86_64");
}

TEST(Metadata, UnknownKeysSurviveARewrite) {
  const auto metadata = metadata_from_json(
      R"({"future":{"a":[1,"é",null]},"io_bindings":[{"name":"x","is_input":true,"layout":"nhwc"}],"n":1.5})");
  ASSERT_TRUE(metadata.ok()) << metadata.error().message();
  const auto text = metadata_to_json(*metadata);
  ASSERT_TRUE(text.ok()) << text.error().message();
  EXPECT_THAT(*text, AllOf(HasSubstr(R"("future":{"a":[1,"\u00e9",null]})"), HasSubstr(R"("layout":"nhwc")"),
                           HasSubstr(R"("n":1.5)")));
  const auto again = metadata_from_json(*text);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(*metadata_to_json(*again), *text);
}

TEST(Metadata, ExtraKeysNeverReplaceKnownOnes) {
  Metadata metadata;
  metadata.extra = R"({"device_id":7,"new":1})";
  EXPECT_THAT(*metadata_to_json(metadata), AllOf(HasSubstr(R"("device_id":0)"), HasSubstr(R"("new":1)")));
}

TEST(Metadata, ExtraThatIsNoObjectIsRefused) {
  Metadata metadata;
  for (const char* text : {"[1]", "{", "1", "{}x"}) {
    metadata.extra = text;
    EXPECT_FALSE(metadata_to_json(metadata).ok()) << text;
  }
}

TEST(Metadata, MalformedTextNamesTheByte) {
  for (const char* text : {"", "{", "nope", R"({"io_bindings":[)", R"({"io_bindings":[]}x)", "{\"a\":\"\xff\"}",
                           "{\"a\":\"\xed\xa0\x80\"}", R"({"a":"\ud800"})", "{\"a\":1e999}", "{\"a\":\"\n\"}"}) {
    EXPECT_THAT(error_of(text), HasSubstr("malformed at byte")) << text;
  }
}

TEST(Metadata, ANulBehindTheTextIsRefused) {
  EXPECT_THAT(error_of(std::string(R"({"io_bindings":[]})") + '\0'), HasSubstr("a NUL at byte 18"));
}

TEST(Metadata, DuplicateKeysAreRefused) {
  EXPECT_THAT(error_of(R"({"io_bindings":[],"io_bindings":[]})"), HasSubstr(R"("io_bindings" appears twice)"));
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":"a","is_input":true,"name":"b"}]})"), HasSubstr("appears twice"));
}

TEST(Metadata, DepthIsLimited) {
  const auto nested = [](std::size_t depth) {
    return R"({"io_bindings":[],"x":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_EQ(error_of(nested(kMaxJsonDepth)), "parsed");
  EXPECT_THAT(error_of(nested(kMaxJsonDepth + 1)), HasSubstr("nested deeper than 32"));
  EXPECT_THAT(error_of(std::string(1000000, '[')), HasSubstr("nested deeper than 32"));
}

TEST(Metadata, ValuesAndKeysAreCounted) {
  std::string values = R"({"io_bindings":[],"x":[0)";
  for (std::size_t i = 0; i < kMaxJsonValues; ++i) values += ",0";
  EXPECT_THAT(error_of(values + "]}"), HasSubstr("more than 262144 values"));
  std::string keys = R"({"io_bindings":[])";
  for (std::size_t i = 0; i < kMaxJsonKeys; ++i) keys += ",\"" + std::to_string(i) + "\":0";
  EXPECT_THAT(error_of(keys + "}"), HasSubstr("more than 256 keys"));
}

TEST(Metadata, ThousandsOfBindingsAreReadAndTooManyRefused) {
  const auto bindings = [](std::size_t count) {
    std::string json = R"({"io_bindings":[)";
    for (std::size_t i = 0; i < count; ++i) {
      json += std::string(i == 0 ? "" : ",") + R"({"name":"b)" + std::to_string(i) + R"(","is_input":true})";
    }
    return json + "]}";
  };
  EXPECT_EQ(error_of(bindings(kMaxBindings)), "parsed");
  EXPECT_THAT(error_of(bindings(kMaxBindings + 1)), HasSubstr("io_bindings has 4097 entries, at most 4096"));
}

TEST(Metadata, WrongTypesNameTheFieldAndTheValue) {
  EXPECT_THAT(error_of("[]"), HasSubstr("the metadata is [], must be an object"));
  EXPECT_THAT(error_of("{}"), HasSubstr("io_bindings is missing"));
  EXPECT_THAT(error_of(R"({"io_bindings":{}})"), HasSubstr("io_bindings is {}, must be a list"));
  EXPECT_THAT(error_of(R"({"io_bindings":[7]})"), HasSubstr("io_bindings[0] is 7, must be an object"));
  EXPECT_THAT(error_of(R"({"io_bindings":[{"is_input":true}]})"), HasSubstr("io_bindings[0].name is missing"));
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":"x"}]})"), HasSubstr("io_bindings[0].is_input is missing"));
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":3,"is_input":true}]})"), HasSubstr("name is 3, must be a string"));
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":"x","is_input":1}]})"), HasSubstr("is_input is 1, must be true"));
  EXPECT_THAT(error_of(with_binding(R"("shape":3)")), HasSubstr("shape is 3, must be a list"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[1.5])")), HasSubstr("shape is [1.5], must be"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[18446744073709551615])")), HasSubstr("64-bit integers"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[null])")), HasSubstr("[null]"));
  EXPECT_THAT(error_of(R"({"io_bindings":[],"device_id":"0"})"), HasSubstr(R"(device_id is "0", must be a 32-bit)"));
  EXPECT_THAT(error_of(R"({"io_bindings":[],"device_id":2147483648})"), HasSubstr("device_id is 2147483648"));
  EXPECT_THAT(error_of(R"({"io_bindings":[],"device_id":-1})"), HasSubstr("device_id is -1"));
  EXPECT_THAT(error_of(R"({"io_bindings":[],"hardware_compatible":null})"), HasSubstr("hardware_compatible is null"));
  EXPECT_THAT(error_of(R"({"io_bindings":[],"target_platform":[]})"), HasSubstr("target_platform is []"));
  EXPECT_THAT(error_of(R"({"io_bindings":[],"variants":[{}]})"), HasSubstr("variants[0].kind is missing"));
}

TEST(Metadata, LongValuesAreShortenedInErrors) {
  const std::string error = error_of(R"({"io_bindings":[],"device_id":")" + std::string(5000, 'x') + "\"}");
  EXPECT_LT(error.size(), 300U);
}

TEST(Metadata, NamesAreUniqueAndPrintable) {
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":"x","is_input":true},{"name":"x","is_input":false}]})"),
              HasSubstr(R"(io_bindings[1].name is "x", which another binding has)"));
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":"","is_input":true}]})"), HasSubstr("name is empty"));
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":"a\u0000b","is_input":true}]})"), HasSubstr("contains a NUL"));
  const std::string longest(kMaxNameSize + 1, 'n');
  EXPECT_THAT(error_of(R"({"io_bindings":[{"name":")" + longest + R"(","is_input":true}]})"), HasSubstr("4097 bytes"));
}

TEST(Metadata, ShapesAndTheirBoundsAgree) {
  EXPECT_THAT(error_of(with_binding(R"("shape":[-2])")), HasSubstr("shape[0] is -2"));
  EXPECT_EQ(error_of(with_binding(R"("shape":[-1])")), "parsed");
  EXPECT_EQ(error_of(with_binding(R"("shape":[0])")), "parsed");
  EXPECT_THAT(error_of(with_binding(R"("shape":[2],"max_shape":[2,2])")), HasSubstr("max_shape has 2 entries"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[-1],"min_shape":[-1])")), HasSubstr("min_shape[0] is -1"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[-1],"min_shape":[5],"max_shape":[4])")), HasSubstr("at least 5"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[3],"max_shape":[4])")), HasSubstr("its bounds allow"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1])")), HasSubstr("17 entries"));
}

TEST(Metadata, ADimOrderIsAPermutation) {
  EXPECT_EQ(error_of(with_binding(R"("shape":[2,3],"dim_order":[1,0])")), "parsed");
  EXPECT_THAT(error_of(with_binding(R"("shape":[2,3],"dim_order":[1,1])")), HasSubstr("dim_order names dimension 1"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[2,3],"dim_order":[0,2])")), HasSubstr("dim_order names dimension 2"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[2,3],"dim_order":[0,256])")), HasSubstr("list of dimension numbers"));
  EXPECT_THAT(error_of(with_binding(R"("shape":[2,3],"dim_order":[0,-1])")), HasSubstr("list of dimension numbers"));
}

TEST(Metadata, AliasesJoinAnOutputToAnInputOnce) {
  EXPECT_EQ(error_of(with_alias(R"({"output":"c","input":"a"},{"output":"d","input":"b","kind":"user"})")), "parsed");
  EXPECT_THAT(error_of(with_alias(R"({"output":"z","input":"a"})")), HasSubstr("not in io_bindings"));
  EXPECT_THAT(error_of(with_alias(R"({"output":"a","input":"b"})")), HasSubstr(R"(output is "a", which is an input)"));
  EXPECT_THAT(error_of(with_alias(R"({"output":"c","input":"d"})")), HasSubstr(R"(input is "d", which is an output)"));
  EXPECT_THAT(error_of(with_alias(R"({"output":"c","input":"a"},{"output":"c","input":"b"})")),
              HasSubstr(R"(aliased_io[1] names "c", which is aliased already)"));
  EXPECT_THAT(error_of(with_alias(R"({"output":"c","input":"a"},{"output":"d","input":"a"})")),
              HasSubstr(R"(names "a")"));
  EXPECT_THAT(error_of(with_alias(R"({"output":"c","input":"a","kind":"x"})")), HasSubstr(R"(kind is "x")"));
  EXPECT_THAT(error_of(with_alias(R"({"output":"c"})")), HasSubstr("aliased_io[0].input is missing"));
}

}  // namespace
}  // namespace etrt::blob
