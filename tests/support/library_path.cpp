#include <filesystem>

#include <support/library_path.h>

namespace etrt::support {

std::string library_path(const std::string& file) {
  namespace fs = std::filesystem;
  const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path();
  const fs::path bundled = beside / "lib" / file;
  return fs::exists(bundled) ? bundled.string() : (beside.parent_path() / "lib" / file).string();
}

}  // namespace etrt::support
