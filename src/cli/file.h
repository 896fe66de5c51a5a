#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <etrt/result.h>

namespace etrt::cli {

/// A regular file, mapped read-only: nothing of it is read before it is looked at.
/// Threads: like any value. Spans of it must not outlive it.
class MappedFile {
 public:
  /// Errors name the path: missing, not readable, a directory or device, empty.
  static Result<MappedFile> open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  MappedFile(void* data, std::size_t size) : data_(data), size_(size) {}

  void* data_;
  std::size_t size_;
};

/// Writes a file whole or not at all: into a new file beside it, which then takes its place.
Status write_file(const std::string& path, std::span<const std::byte> bytes);

}  // namespace etrt::cli
