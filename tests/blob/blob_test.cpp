#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <blob/blob.h>
#include <blob/raw_blob.h>

namespace etrt::blob {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace testing;

std::string error_of(const Image& image) {
  const auto view = BlobView::parse(image);
  return view.ok() ? "parsed" : view.error().message();
}

Image with_field(std::size_t offset, auto value) {
  Image image = RawBlob{}.image();
  RawBlob::put(image, offset, value);
  return image;
}

std::string variants_json(const std::string& variants) {
  return R"({"io_bindings":[],"variants":[)" + variants + "]}";
}

std::string one_variant(std::uint64_t offset, std::uint64_t size) {
  return R"({"kind":"program","target":"host","offset":)" + std::to_string(offset) + R"(,"size":)" +
         std::to_string(size) + "}";
}

TEST(BlobView, ReadsTheBlobInsideAnExportedProgram) {
  for (const char* name : {"/digits_tensorrt_rtx.pte", "/digits_tensorrt_rtx_cuda_io.pte"}) {
    const Image image = blob_of_pte(std::string(ETRT_TEST_DATA) + name);
    const auto view = BlobView::parse(image);
    ASSERT_TRUE(view.ok()) << view.error().message();
    ASSERT_EQ(view->metadata().io_bindings.size(), 2U);
    EXPECT_EQ(view->metadata().io_bindings[0].name, "image");
    EXPECT_EQ(view->metadata().io_bindings[0].dtype, "");
    EXPECT_FALSE(view->metadata().io_bindings[1].is_input);
    EXPECT_EQ(view->metadata().target_platform, "linux_x86_64");
    EXPECT_EQ(view->engine().size(), 347212U);
    EXPECT_EQ(to_text(view->engine().first(4)), "vtrt");
  }
}

TEST(BlobView, ReadsAliasesFromEitherMagicAndNoneFromEither) {
  const std::string aliased = R"({"io_bindings":[{"name":"k","is_input":true},{"name":"k2","is_input":false}],)"
                              R"("aliased_io":[{"output":"k2","input":"k"}]})";
  for (const char* magic : {"TR01", "TR02"}) {
    const auto with = BlobView::parse(RawBlob{.json = aliased, .magic = magic}.image());
    ASSERT_TRUE(with.ok()) << with.error().message();
    ASSERT_EQ(with->metadata().aliased_io.size(), 1U);
    EXPECT_EQ(with->metadata().aliased_io[0].kind, kAliasKvCacheUpdate);
    const auto without = BlobView::parse(RawBlob{.magic = magic}.image());
    ASSERT_TRUE(without.ok()) << without.error().message();
    EXPECT_TRUE(without->metadata().aliased_io.empty());
  }
}

TEST(BlobView, ABlobMayHaveNoEngine) {
  const Image image = RawBlob{.engine = ""}.image();
  const auto view = BlobView::parse(image);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_TRUE(view->engine().empty());
  EXPECT_TRUE(view->candidates().empty());
}

TEST(BlobView, MetadataNeedNotFollowTheHeaderAtOnce) {
  const auto view = BlobView::parse(RawBlob{.metadata_offset = 50}.image());
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->metadata().io_bindings.size(), 2U);
}

TEST(BlobView, BytesBehindTheEngineAreNobodysBusiness) {
  Image image = RawBlob{}.image();
  image.resize(image.size() + 100);
  EXPECT_EQ(error_of(image), "parsed");
}

TEST(BlobView, EveryTruncationIsRefused) {
  const Image image = RawBlob{}.image();
  for (std::size_t size = 0; size < image.size(); ++size) {
    EXPECT_FALSE(BlobView::parse(std::span(image).first(size)).ok()) << size;
  }
}

TEST(BlobView, AWrongMagicIsNamed) {
  EXPECT_THAT(error_of(with_field(0, std::uint32_t{0x33305254})), AllOf(HasSubstr("magic"), HasSubstr("TR03")));
  EXPECT_THAT(error_of(with_field(0, std::uint32_t{0xfe000a01})), HasSubstr("magic"));
}

TEST(BlobView, AMetadataOffsetInsideTheHeaderIsRefused) {
  for (const std::uint32_t offset : {0U, 31U}) {
    EXPECT_THAT(error_of(with_field(kMetadataOffsetField, offset)), HasSubstr("metadata_offset is"));
  }
}

TEST(BlobView, MetadataAtTheEdgesOf32BitsIsRefused) {
  constexpr auto kMax = std::numeric_limits<std::uint32_t>::max();
  EXPECT_THAT(error_of(with_field(kMetadataOffsetField, kMax)), HasSubstr("lies outside"));
  EXPECT_THAT(error_of(with_field(kMetadataOffsetField, kMax - 15)), HasSubstr("lies outside"));
  EXPECT_THAT(error_of(with_field(kMetadataSizeField, kMax)), HasSubstr("metadata_size is 4294967295"));
  EXPECT_THAT(error_of(with_field(kMetadataSizeField, std::uint32_t{kMaxMetadataSize})), HasSubstr("lies outside"));
}

TEST(BlobView, AnEngineAtTheEdgesOf64BitsIsRefused) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t offset = RawBlob{}.engine_offset();
  for (const std::uint64_t size : {kMax, kMax - offset, kMax - offset + 1, std::uint64_t{1} << 32, std::uint64_t{13}}) {
    EXPECT_THAT(error_of(with_field(kEngineSizeField, size)), HasSubstr("engine_size " + std::to_string(size)));
  }
  EXPECT_THAT(error_of(with_field(kEngineOffsetField, std::uint32_t{0xfffffff0})), HasSubstr("engine_offset"));
}

TEST(BlobView, AnEngineThatIsMisalignedOrOverTheMetadataIsRefused) {
  EXPECT_THAT(error_of(with_field(kEngineOffsetField, std::uint32_t{120})), HasSubstr("multiple of 16"));
  EXPECT_THAT(error_of(with_field(kEngineOffsetField, std::uint32_t{96})), HasSubstr("the metadata ends at"));
  EXPECT_THAT(error_of(with_field(kEngineOffsetField, std::uint32_t{0})), HasSubstr("the metadata ends at"));
}

TEST(BlobView, ListsVariantsInOrderAndGivesTheirBytes) {
  Image image = with_variants(variants_json(one_variant(1040, 3) + "," + one_variant(1024, 16)));
  std::memcpy(image.data() + 1040, "abc", 3);
  const auto view = BlobView::parse(image);
  ASSERT_TRUE(view.ok()) << view.error().message();
  ASSERT_EQ(view->variants().size(), 2U);
  EXPECT_EQ(view->variants()[0].kind, kVariantProgram);
  EXPECT_EQ(view->variants()[0].target, "host");
  EXPECT_EQ(to_text(view->payload(view->variants()[0])), "abc");
}

TEST(BlobView, AnUndescribedEngineIsTheFirstCandidate) {
  const Image image = with_variants(variants_json(one_variant(1024, 16)));
  const auto view = BlobView::parse(image);
  ASSERT_TRUE(view.ok()) << view.error().message();
  const auto candidates = view->candidates();
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(candidates[0].kind, "");
  EXPECT_EQ(view->payload(candidates[0]).data(), view->engine().data());
  EXPECT_EQ(candidates[1].kind, kVariantProgram);
}

TEST(BlobView, AVariantMayDescribeTheEngineOnce) {
  // The metadata of this blob ends in the 16 bytes before 192.
  std::string engine = R"({"kind":"tensorrt_rtx","target":"sm_89","offset":192,"size":6})";
  const std::string json = variants_json(one_variant(1024, 16) + "," + engine);
  const Image image = with_variants(json);
  ASSERT_EQ((RawBlob{.json = json}.engine_offset()), 192U);
  const auto view = BlobView::parse(image);
  ASSERT_TRUE(view.ok()) << view.error().message();
  ASSERT_EQ(view->candidates().size(), 2U);
  EXPECT_EQ(view->candidates()[1].kind, kVariantTensorRtRtx);
  EXPECT_EQ(to_text(view->payload(view->candidates()[1])), "engine");
}

TEST(BlobView, OverlappingVariantsAreRefused) {
  const auto error_of_variants = [](const std::string& variants) {
    return error_of(with_variants(variants_json(variants)));
  };
  EXPECT_THAT(error_of_variants(one_variant(1024, 17) + "," + one_variant(1040, 8)), HasSubstr("variants[1] begins"));
  EXPECT_THAT(error_of_variants(one_variant(1024, 64) + "," + one_variant(1040, 8)), HasSubstr("variants[0] ends"));
  EXPECT_THAT(error_of_variants(one_variant(1024, 8) + "," + one_variant(1024, 8)), HasSubstr("begins at 1024"));
  EXPECT_THAT(error_of_variants(one_variant(0, 16)), HasSubstr("at 0, but"));
  EXPECT_THAT(error_of_variants(one_variant(16, 1)), HasSubstr("the header ends at 32"));
  EXPECT_THAT(error_of_variants(one_variant(32, 16)), HasSubstr("but"));
  EXPECT_THAT(error_of_variants(one_variant(48, 16)), HasSubstr("the metadata ends at"));
  EXPECT_THAT(error_of_variants(one_variant(128, 16)), HasSubstr("at 128, but"));
}

TEST(BlobView, VariantsAtTheEdgesOf64BitsAreRefused) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  const auto error_of_variant = [](std::uint64_t offset, std::uint64_t size) {
    return error_of(with_variants(variants_json(one_variant(offset, size))));
  };
  EXPECT_THAT(error_of_variant(kMax - 15, 16), HasSubstr("lies outside of its 2048"));
  EXPECT_THAT(error_of_variant(1024, kMax), HasSubstr("lies outside"));
  EXPECT_THAT(error_of_variant(1024, kMax - 1023), HasSubstr("lies outside"));
  EXPECT_THAT(error_of_variant(1024, 1025), HasSubstr("lies outside"));
  EXPECT_THAT(error_of_variant(2048, 1), HasSubstr("lies outside"));
  EXPECT_THAT(error_of_variant(1024, 0), HasSubstr("size is 0"));
  EXPECT_THAT(error_of_variant(1025, 8), HasSubstr("variants[0].offset is 1025, must be a multiple of 16"));
  const std::string over = R"({"kind":"program","offset":18446744073709551616,"size":1})";
  EXPECT_THAT(error_of(with_variants(variants_json(over))), HasSubstr("variants[0].offset is"));
  const std::string negative = R"({"kind":"program","offset":-16,"size":1})";
  EXPECT_THAT(error_of(with_variants(variants_json(negative))), HasSubstr("variants[0].offset is -16"));
}

TEST(BlobView, AVariantOfAnUnknownKindIsKept) {
  const Image image = with_variants(variants_json(R"({"kind":"tpu","offset":1024,"size":1,"new":[]})"));
  const auto view = BlobView::parse(image);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_EQ(view->variants()[0].kind, "tpu");
}

TEST(BlobView, APayloadOfAnotherBlobIsEmptyRatherThanOutside) {
  const Image image = RawBlob{}.image();
  const auto view = BlobView::parse(image);
  ASSERT_TRUE(view.ok());
  EXPECT_TRUE(view->payload({"program", "", 64, std::numeric_limits<std::uint64_t>::max()}).empty());
}

}  // namespace
}  // namespace etrt::blob
