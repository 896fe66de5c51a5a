#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace etrt::engine {

/// Bytes as a part of a file, found by where they are mapped: what tells them from others without reading them.
/// Threads: a value.
struct FileRange {
  std::string device;  ///< of the file system, as the kernel names it
  std::uint64_t inode;
  std::uint64_t offset;
  std::uint64_t size;
  std::uint64_t file_size;
  std::int64_t modified_ns;
  std::string path;

  /// Where in which file `bytes` are mapped. None: they are no file's, or could have been written to since.
  static std::optional<FileRange> of(std::span<const std::byte> bytes);

  /// Whether both are the same bytes of the same file, unchanged between the two questions.
  bool is_same(const FileRange& other) const;
};

/// A range of a file mapped for reading, whatever becomes of the mapping that it was found by. Nothing is copied.
/// Threads: immutable.
class FileMapping {
 public:
  /// Null when the file is no longer what it was, or cannot be mapped.
  static std::unique_ptr<const FileMapping> create(const FileRange& range);

  FileMapping(const FileMapping&) = delete;
  FileMapping& operator=(const FileMapping&) = delete;
  ~FileMapping();

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  FileMapping(void* start, std::size_t mapped, std::span<const std::byte> bytes)
      : start_(start), mapped_(mapped), bytes_(bytes) {}

  void* start_;
  std::size_t mapped_;
  std::span<const std::byte> bytes_;
};

}  // namespace etrt::engine
