#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <blob/blob_writer.h>
#include <blob/raw_blob.h>

namespace etrt::blob {
namespace {

using ::testing::HasSubstr;
using namespace testing;

Metadata two_bindings() {
  Metadata metadata;
  metadata.io_bindings.resize(2);
  metadata.io_bindings[0].name = "x";
  metadata.io_bindings[1].name = "y";
  metadata.io_bindings[1].is_input = false;
  return metadata;
}

std::string error_of(const Metadata& metadata, std::span<const Payload> payloads = {}) {
  const auto written = write_blob(metadata, {}, payloads);
  return written.ok() ? "written" : written.error().message();
}

void expect_rewrite_is_identical(const Image& original) {
  const auto view = BlobView::parse(original);
  ASSERT_TRUE(view.ok()) << view.error().message();
  const auto rewritten = write_blob(view->metadata(), view->engine());
  ASSERT_TRUE(rewritten.ok()) << rewritten.error().message();
  EXPECT_EQ(*rewritten, original);
}

TEST(WriteBlob, WritesTheBytesOfTheOriginalSerializer) {
  Metadata metadata = two_bindings();
  metadata.target_platform = "linux_x86_64";
  std::string engine;
  for (int i = 0; i < 512; ++i) engine += static_cast<char>(i % 256);
  const auto written = write_blob(metadata, to_image(engine));
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_EQ(to_text(*written), to_text(read_file(ETRT_BLOB_TEST_DATA "/plain_tr01.blob")));
}

TEST(WriteBlob, RewritesGoldensByteForByte) {
  for (const char* name : {"/plain_tr01.blob", "/aliased_tr02.blob", "/unicode_tr01.blob"}) {
    SCOPED_TRACE(name);
    expect_rewrite_is_identical(read_file(std::string(ETRT_BLOB_TEST_DATA) + name));
  }
}

TEST(WriteBlob, RewritesTheBlobsOfExportedProgramsByteForByte) {
  for (const char* name : {"/digits_tensorrt_rtx.pte", "/digits_tensorrt_rtx_cuda_io.pte"}) {
    SCOPED_TRACE(name);
    expect_rewrite_is_identical(blob_of_pte(std::string(ETRT_TEST_DATA) + name));
  }
}

TEST(WriteBlob, AliasesTurnTheMagic) {
  Metadata metadata = two_bindings();
  metadata.aliased_io = {{"y", "x", "user"}};
  const auto written = write_blob(metadata, {});
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_EQ(to_text(*written).substr(0, 4), "TR02");
}

TEST(WriteBlob, AProgramAloneLeavesTheMainPlaceEmpty) {
  const Image program = to_image("a program");
  const Payload payload{"program", "host", program};
  const auto written = write_blob(two_bindings(), {}, std::span(&payload, 1));
  ASSERT_TRUE(written.ok()) << written.error().message();
  const auto view = BlobView::parse(*written);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_TRUE(view->engine().empty());
  ASSERT_EQ(view->candidates().size(), 1U);
  EXPECT_EQ(to_text(view->payload(view->candidates()[0])), "a program");
}

TEST(WriteBlob, EveryPayloadLiesAtAMultipleOf16WhateverTheSizes) {
  for (std::size_t size = 1; size < 40; ++size) {
    const Image engine = to_image(std::string(size, 'e'));
    const Image first = to_image(std::string(1000 * size, 'f'));
    const Image second = to_image(std::string(40 - size, 's'));
    const std::vector<Payload> payloads{{"tensorrt", std::string(size, 't'), first}, {"program", "host", second}};
    const auto written = write_blob(two_bindings(), engine, payloads);
    ASSERT_TRUE(written.ok()) << written.error().message();
    const auto view = BlobView::parse(*written);
    ASSERT_TRUE(view.ok()) << view.error().message();
    EXPECT_EQ(to_text(view->engine()), to_text(engine));
    EXPECT_EQ(to_text(view->payload(view->variants()[0])), to_text(first));
    EXPECT_EQ(to_text(view->payload(view->variants()[1])), to_text(second));
    for (const Variant& variant : view->candidates()) EXPECT_EQ(variant.offset % 16, 0U);
  }
}

TEST(WriteBlob, APayloadThatIsTheEngineIsStoredOnce) {
  const Image engine = to_image(std::string(1000, 'e'));
  const Payload payload{"tensorrt_rtx", "sm_89", engine};
  const auto written = write_blob(two_bindings(), engine, std::span(&payload, 1));
  ASSERT_TRUE(written.ok()) << written.error().message();
  EXPECT_LT(written->size(), 2000U);
  const auto view = BlobView::parse(*written);
  ASSERT_TRUE(view.ok()) << view.error().message();
  ASSERT_EQ(view->candidates().size(), 1U);
  EXPECT_EQ(view->candidates()[0].target, "sm_89");
  EXPECT_EQ(view->payload(view->candidates()[0]).data(), view->engine().data());
}

TEST(WriteBlob, WhatTheReaderWouldRefuseIsABadArgument) {
  Metadata metadata = two_bindings();
  metadata.io_bindings[1].name = "x";
  EXPECT_EQ(write_blob(metadata, {}).error().code(), ErrorCode::kInvalidArgument);
  metadata.io_bindings[1].name = "\xff";
  EXPECT_THAT(error_of(metadata), HasSubstr("not valid UTF-8"));
  metadata.io_bindings[1].name = "\xc0\x80";
  EXPECT_THAT(error_of(metadata), HasSubstr("not valid UTF-8"));
  metadata = two_bindings();
  metadata.serialized_metadata = "\xed\xa0\x80";
  EXPECT_THAT(error_of(metadata), HasSubstr("serialized_metadata"));
  metadata = two_bindings();
  metadata.extra = R"({"deep":)" + std::string(31, '[') + std::string(31, ']') + "}";
  EXPECT_EQ(error_of(metadata), "written");
  metadata.io_bindings[0].extra = metadata.extra;
  EXPECT_THAT(error_of(metadata), HasSubstr("nested deeper"));
}

TEST(WriteBlob, MetadataOverTheLimitIsRefused) {
  Metadata metadata = two_bindings();
  metadata.serialized_metadata = std::string(kMaxMetadataSize, 'm');
  EXPECT_EQ(write_blob(metadata, {}).error().code(), ErrorCode::kNotSupported);
}

TEST(WriteBlob, PayloadsWithoutBytesOrKindOrTooManyAreRefused) {
  const Image bytes = to_image("bytes");
  const Payload empty{"program", "", {}};
  EXPECT_THAT(error_of(two_bindings(), std::span(&empty, 1)), HasSubstr("variants[0] has no bytes"));
  const Payload kindless{"", "", bytes};
  EXPECT_THAT(error_of(two_bindings(), std::span(&kindless, 1)), HasSubstr("variants[0].kind is empty"));
  const std::vector<Payload> many(kMaxVariants + 1, Payload{"program", "", bytes});
  EXPECT_THAT(error_of(two_bindings(), many), HasSubstr("64 variants"));
  const std::vector<Payload> twice(2, Payload{"tensorrt", "", bytes});
  EXPECT_FALSE(write_blob(two_bindings(), bytes, twice).ok());
}

}  // namespace
}  // namespace etrt::blob
