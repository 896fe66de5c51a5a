#pragma once

#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace etrt::support {

/// A file of these bytes that goes with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::span<const std::byte> bytes) {
    static int count = 0;
    path_ =
        std::filesystem::temp_directory_path() / ("etrt_" + std::to_string(getpid()) + "_" + std::to_string(count++));
    write(bytes);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }

  void write(std::span<const std::byte> bytes) const {
    std::ofstream file(path_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }

  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

/// A file mapped as ExecuTorch's MmapDataLoader does it.
class MappedBytes {
 public:
  explicit MappedBytes(const std::string& path, int rights = PROT_READ) : size_(std::filesystem::file_size(path)) {
    const int file = ::open(path.c_str(), O_RDONLY);
    data_ = ::mmap(nullptr, size_, rights, MAP_PRIVATE, file, 0);
    ::close(file);
    if (data_ == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  }
  MappedBytes(const MappedBytes&) = delete;
  MappedBytes& operator=(const MappedBytes&) = delete;
  ~MappedBytes() { ::munmap(data_, size_); }

  std::span<const std::byte> get() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_;
  std::size_t size_;
};

}  // namespace etrt::support
