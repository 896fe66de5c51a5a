#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <engine/file_range.h>

namespace etrt::engine {
namespace {

/// A line of /proc/self/maps: "start-end rights offset device inode   path".
struct Mapping {
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
  std::string rights;
  std::uint64_t offset = 0;
  std::string device;
  std::uint64_t inode = 0;
  std::string path;
};

std::optional<Mapping> parse(const std::string& line) {
  std::istringstream text(line);
  Mapping mapping;
  char dash = 0;
  text >> std::hex >> mapping.start >> dash >> mapping.end >> mapping.rights >> mapping.offset >> mapping.device >>
      std::dec >> mapping.inode >> std::ws;
  if (!text && !text.eof()) return std::nullopt;
  std::getline(text, mapping.path);
  return mapping;
}

std::optional<Mapping> mapping_of(std::uintptr_t first, std::uintptr_t last) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    auto mapping = parse(line);
    if (mapping && mapping->start <= first && last < mapping->end) return mapping;
  }
  return std::nullopt;
}

std::int64_t time_of_change(const struct stat& file) {
  return std::int64_t{file.st_mtim.tv_sec} * 1'000'000'000 + file.st_mtim.tv_nsec;
}

/// Device numbers are not compared: those of an overlay's files are told differently by stat and by the kernel's list.
bool is_file_of(const FileRange& range, const struct stat& file) {
  return S_ISREG(file.st_mode) && file.st_ino == range.inode && time_of_change(file) == range.modified_ns &&
         static_cast<std::uint64_t>(file.st_size) == range.file_size && range.offset <= range.file_size &&
         range.size <= range.file_size - range.offset;
}

}  // namespace

std::optional<FileRange> FileRange::of(std::span<const std::byte> bytes) {
  if (bytes.empty()) return std::nullopt;
  const auto first = reinterpret_cast<std::uintptr_t>(bytes.data());
  const auto mapping = mapping_of(first, first + bytes.size() - 1);
  if (!mapping || mapping->inode == 0 || mapping->rights.find('w') != std::string::npos) return std::nullopt;
  struct stat file {};
  if (::stat(mapping->path.c_str(), &file) != 0) return std::nullopt;
  FileRange range{mapping->device,
                  mapping->inode,
                  mapping->offset + (first - mapping->start),
                  bytes.size(),
                  static_cast<std::uint64_t>(file.st_size),
                  time_of_change(file),
                  mapping->path};
  if (!is_file_of(range, file)) return std::nullopt;
  return range;
}

bool FileRange::is_same(const FileRange& other) const {
  return device == other.device && inode == other.inode && offset == other.offset && size == other.size &&
         file_size == other.file_size && modified_ns == other.modified_ns;
}

std::unique_ptr<const FileMapping> FileMapping::create(const FileRange& range) {
  const int descriptor = ::open(range.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return nullptr;
  struct stat file {};
  const bool is_it = ::fstat(descriptor, &file) == 0 && is_file_of(range, file);
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  const std::uint64_t before = range.offset % page;
  const std::size_t mapped = range.size + before;
  void* start =
      is_it ? ::mmap(nullptr, mapped, PROT_READ, MAP_PRIVATE, descriptor, static_cast<off_t>(range.offset - before))
            : MAP_FAILED;
  ::close(descriptor);
  if (start == MAP_FAILED) return nullptr;
  return std::unique_ptr<const FileMapping>(
      new FileMapping(start, mapped, {static_cast<const std::byte*>(start) + before, range.size}));
}

FileMapping::~FileMapping() {
  ::munmap(start_, mapped_);
}

}  // namespace etrt::engine
