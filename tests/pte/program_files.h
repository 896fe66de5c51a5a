#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include <blob/raw_blob.h>
#include <etrt/pte.h>

/// Program files and the descriptions that the tests of this folder share.
namespace etrt::pte::testing {

using Image = std::vector<std::byte>;
using blob::testing::read_file;
using blob::testing::to_image;
using blob::testing::to_text;

inline std::string example(const char* name) {
  return std::string(ETRT_EXAMPLES) + "/digits/" + name;
}
inline std::string test_data(const char* name) {
  return std::string(ETRT_TEST_DATA) + "/" + name;
}

inline const char* const kDigitsIo =
    R"({"io_bindings":[{"name":"image","dtype":"float32","shape":[-1,1,8,8],"is_input":true,)"
    R"("min_shape":[1,1,8,8],"max_shape":[64,1,8,8]},)"
    R"({"name":"logits","dtype":"float32","shape":[-1,10],"is_input":false,"max_shape":[64,10]}]})";

/// A file that goes away with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const Image& content) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("etrt_") + test->name() + "_" + std::to_string(::getpid()) + ".pte");
    std::ofstream(path_, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline Image write_or_fail(const std::vector<Payload>& payloads, const WriteOptions& options = {}) {
  auto program = write(payloads, options);
  EXPECT_TRUE(program.ok()) << (program.ok() ? "" : program.error().message());
  return program.ok() ? *std::move(program) : Image();
}

inline WriteOptions with_io(std::string io) {
  WriteOptions options;
  options.io = std::move(io);
  return options;
}

}  // namespace etrt::pte::testing
