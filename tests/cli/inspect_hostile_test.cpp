// etrt inspect on damaged files, in this process, so that a sanitizer sees everything it does.

#include <filesystem>
#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cli/commands.h>
#include <cli/control_characters.h>
#include <cli/packed.h>

namespace etrt::cli_test {
namespace {

/// Looks into these bytes, as text and as JSON; whether both succeed.
bool inspect(const TemporaryDirectory& directory, std::span<const std::byte> bytes) {
  // A new file each time: some file systems go to the disk when an old one is written over.
  std::filesystem::remove(directory.path("bytes"));
  const std::string path = directory.file("bytes", bytes);
  bool ok = true;
  for (const bool json : {false, true}) {
    testing::internal::CaptureStdout();
    const Status status = cli::command_inspect({path, json, ""});
    const std::string out = testing::internal::GetCapturedStdout();
    EXPECT_FALSE(has_control_characters(out));
    if (json && status.ok()) {
      EXPECT_FALSE(nlohmann::json::parse(out, nullptr, false).is_discarded());
    }
    if (!status.ok()) {
      EXPECT_NE(status.error().message().find(path), std::string::npos) << status.error().message();
    }
    ok = ok && status.ok();
  }
  return ok;
}

std::vector<std::vector<std::byte>> good_files(const TemporaryDirectory& directory) {
  std::vector<std::vector<std::byte>> files;
  files.push_back(read_bytes(packed(directory, program("eight_io.pte"), {"--compile-spec", "max_inflight=2"})));
  files.push_back(read_bytes(data("digits_tensorrt_rtx_cuda_io.pte")));
  files.push_back(read_bytes(std::string(ETRT_FUZZ_CORPUS) + "/fuzz_blob/variants.blob"));
  return files;
}

TEST(InspectHostile, EveryFileOfTheFuzzCorpusIsSurvived) {
  const TemporaryDirectory directory;
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ETRT_FUZZ_CORPUS)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    inspect(directory, read_bytes(entry.path().string()));
  }
  EXPECT_GT(files, 0u);
}

TEST(InspectHostile, FilesThatEndEarlyAreRefused) {
  const TemporaryDirectory directory;
  for (const std::vector<std::byte>& good : good_files(directory)) {
    ASSERT_TRUE(inspect(directory, good));
    // Every length near the beginning, where the structure is, and then in steps.
    for (std::size_t size = 1; size < good.size(); size += size < 600 ? 1 : good.size() / 200 + 1) {
      const bool accepted = inspect(directory, std::span(good).first(size));
      // What the second half ends with may be padding.
      if (size > good.size() / 2) continue;
      EXPECT_FALSE(accepted) << size << " of " << good.size() << " bytes";
    }
  }
}

TEST(InspectHostile, FlippedBitsAreSurvived) {
  const TemporaryDirectory directory;
  std::mt19937 generator(1);
  for (const std::vector<std::byte>& good : good_files(directory)) {
    std::size_t accepted = 0;
    for (int round = 0; round < 1000; ++round) {
      // Most of a large file is a payload, which nothing looks into: two rounds of three stay in its first part.
      std::vector<std::byte> bytes = good;
      const std::size_t range = round % 3 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 2048);
      for (int flips = 0; flips <= round % 4; ++flips) {
        bytes[generator() % range] ^= static_cast<std::byte>(1u << generator() % 8);
      }
      accepted += inspect(directory, bytes) ? 1 : 0;
    }
    EXPECT_GT(accepted, 0u) << "a flip in a payload changes nothing that is looked at";
    EXPECT_LT(accepted, 1000u);
  }
}

}  // namespace
}  // namespace etrt::cli_test
