#include <dlfcn.h>
#include <link.h>
#include <map>
#include <memory>
#include <mutex>

#include <base/format.h>
#include <engine/tensorrt/library.h>

namespace etrt::engine::tensorrt {
namespace {

struct OpenLibraries {
  std::mutex mutex;
  std::map<void*, std::unique_ptr<const Library>> by_handle;
};

/// Never destroyed, as the libraries are never closed.
OpenLibraries& open_libraries() {
  static OpenLibraries* const instance = new OpenLibraries();
  return *instance;
}

std::string file_of(void* handle, const std::string& asked) {
  const link_map* map = nullptr;
  const bool known = dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr && *map->l_name != '\0';
  return known ? map->l_name : asked;
}

Error missing(const std::string& path, const char* symbol) {
  return Error(ErrorCode::kNotSupported,
               base::concat(path, " has no entry point ", symbol, ": it is no TensorRT runtime library"));
}

}  // namespace

Result<const Library*> open_library(const std::string& path) {
  // Local: several versions of TensorRT may be in one process, in another delegate's hands.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return Error(ErrorCode::kNotFound,
                 base::concat("cannot open ", path, " (", reason != nullptr ? reason : "no reason given", ")"));
  }
  OpenLibraries& all = open_libraries();
  const std::lock_guard lock(all.mutex);
  if (const auto found = all.by_handle.find(handle); found != all.by_handle.end()) return found->second.get();

  const std::string file = file_of(handle, path);
  const auto create_runtime = reinterpret_cast<Library::CreateRuntime>(dlsym(handle, "createInferRuntime_INTERNAL"));
  if (create_runtime == nullptr) return missing(file, "createInferRuntime_INTERNAL");
  const auto get_version = reinterpret_cast<std::int32_t (*)()>(dlsym(handle, "getInferLibVersion"));
  if (get_version == nullptr) return missing(file, "getInferLibVersion");

  auto library = std::make_unique<const Library>(Library{file, version_of_number(get_version()), create_runtime});
  return all.by_handle.emplace(handle, std::move(library)).first->second.get();
}

}  // namespace etrt::engine::tensorrt
