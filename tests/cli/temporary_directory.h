#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace etrt::cli_test {

/// A directory for one test's files; gone with all of them when the object ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string path(const std::string& name) const { return path_ + "/" + name; }

  /// Writes a file and gives its path.
  std::string file(const std::string& name, std::span<const std::byte> bytes) const;
  std::string file(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

std::vector<std::byte> read_bytes(const std::string& path);

}  // namespace etrt::cli_test
