// Bytes known by the file that they are mapped from.

#include <algorithm>
#include <optional>

#include <gmock/gmock.h>

#include <engine/file_range.h>
#include <support/mapped_bytes.h>

namespace etrt::engine {
namespace {

using support::MappedBytes;
using support::TemporaryFile;

std::vector<std::byte> numbered(std::size_t size, unsigned first = 0) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>((i + first) % 251);
  return bytes;
}

TEST(FileRange, IsTheSameWhereverItIsMapped) {
  const TemporaryFile file(numbered(20000));
  const MappedBytes first(file.path());
  const MappedBytes second(file.path());
  const auto range = FileRange::of(first.get().subspan(5000, 100));
  ASSERT_TRUE(range.has_value());
  EXPECT_EQ(range->offset, 5000u);
  EXPECT_TRUE(range->is_same(FileRange::of(second.get().subspan(5000, 100)).value()));
  EXPECT_FALSE(range->is_same(FileRange::of(second.get().subspan(5001, 100)).value()));
  EXPECT_FALSE(range->is_same(FileRange::of(second.get().subspan(5000, 99)).value()));
}

TEST(FileRange, OfAnotherFileIsAnother) {
  const TemporaryFile one(numbered(100));
  const TemporaryFile other(numbered(100));
  const MappedBytes first(one.path());
  const MappedBytes second(other.path());
  EXPECT_FALSE(FileRange::of(first.get())->is_same(FileRange::of(second.get()).value()));
}

TEST(FileRange, OfMemoryThatIsNoFilesIsNone) {
  const auto bytes = numbered(100);
  EXPECT_FALSE(FileRange::of(bytes).has_value());
  EXPECT_FALSE(FileRange::of({}).has_value());
}

TEST(FileRange, OfPagesThatMayHaveBeenWrittenToIsNone) {
  const TemporaryFile file(numbered(100));
  const MappedBytes mapped(file.path(), PROT_READ | PROT_WRITE);
  EXPECT_FALSE(FileRange::of(mapped.get()).has_value());
}

TEST(FileRange, OfAFileThatIsGoneIsNone) {
  std::optional<TemporaryFile> file(numbered(100));
  const MappedBytes mapped(file->path());
  file.reset();
  EXPECT_FALSE(FileRange::of(mapped.get()).has_value());
}

TEST(FileMapping, HoldsTheBytesWhateverBecomesOfTheFirstMapping) {
  const auto bytes = numbered(20000);
  const TemporaryFile file(bytes);
  std::optional<MappedBytes> mapped(file.path());
  const auto mapping = FileMapping::create(FileRange::of(mapped->get().subspan(4999, 10000)).value());
  mapped.reset();
  ASSERT_NE(mapping, nullptr);
  EXPECT_TRUE(std::ranges::equal(mapping->bytes(), std::span(bytes).subspan(4999, 10000)));
}

TEST(FileMapping, OfAFileThatWasReplacedIsNone) {
  const TemporaryFile file(numbered(100));
  const MappedBytes mapped(file.path());
  const auto range = FileRange::of(mapped.get()).value();
  std::filesystem::remove(file.path());
  file.write(numbered(100, 1));
  // The kernel may give the inode again, but the times differ at least.
  std::filesystem::last_write_time(file.path(), std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_EQ(FileMapping::create(range), nullptr);
}

}  // namespace
}  // namespace etrt::engine
