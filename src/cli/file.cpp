#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <cli/file.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

/// Closes a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }

  int get() const { return number_; }
  /// Closes now, to learn whether it went well.
  bool close() { return ::close(std::exchange(number_, -1)) == 0; }

 private:
  int number_;
};

Error failed(const char* what, const std::string& path, int number) {
  const ErrorCode code = number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument;
  return Error(code, base::concat("cannot ", what, " '", path, "': ", std::strerror(number)));
}

Status write_all(int descriptor, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed("write", path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status write_and_close(Descriptor& file, std::span<const std::byte> bytes, const std::string& path) {
  ETRT_TRY(write_all(file.get(), bytes, path));
  if (::fsync(file.get()) != 0) return failed("write", path, errno);
  if (!file.close()) return failed("write", path, errno);
  return {};
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::string& path) {
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return failed("open", path, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return failed("read", path, errno);
  if (S_ISDIR(facts.st_mode)) return Error(ErrorCode::kInvalidArgument, "'" + path + "' is a directory, not a file");
  if (!S_ISREG(facts.st_mode)) return Error(ErrorCode::kInvalidArgument, "'" + path + "' is not a regular file");
  if (facts.st_size == 0) return Error(ErrorCode::kInvalidData, "'" + path + "' is empty");
  const auto size = static_cast<std::size_t>(facts.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) return failed("map", path, errno);
  return MappedFile(data, size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Status write_file(const std::string& path, std::span<const std::byte> bytes) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode)) {
    return Error(ErrorCode::kInvalidArgument, "'" + path + "' is there and is not a regular file");
  }
  const std::string temporary = base::concat(path, ".part-", ::getpid());
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.get() < 0) return failed("write", path, errno);
  Status status = write_and_close(file, bytes, path);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) status = failed("write", path, errno);
  if (!status.ok()) ::unlink(temporary.c_str());
  return status;
}

}  // namespace etrt::cli
