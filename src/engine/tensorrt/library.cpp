#include <dlfcn.h>
#include <link.h>

#include <base/format.h>
#include <engine/tensorrt/library.h>

namespace etrt::engine::tensorrt {
namespace {

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

Result<const Library*> OpenLibraries::open(const std::string& path) {
  // Local: several versions of TensorRT may be in one process, in another delegate's hands.
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* reason = dlerror();
    return Error(ErrorCode::kNotFound,
                 base::concat("cannot open ", path, " (", reason != nullptr ? reason : "no reason given", ")"));
  }
  const std::lock_guard lock(mutex_);
  if (const auto found = by_handle_.find(handle); found != by_handle_.end()) return found->second.get();

  const std::string file = file_of(handle, path);
  const auto create_runtime = reinterpret_cast<Library::CreateRuntime>(dlsym(handle, "createInferRuntime_INTERNAL"));
  if (create_runtime == nullptr) return missing(file, "createInferRuntime_INTERNAL");
  const auto get_version = reinterpret_cast<std::int32_t (*)()>(dlsym(handle, "getInferLibVersion"));
  if (get_version == nullptr) return missing(file, "getInferLibVersion");

  auto library = std::make_unique<const Library>(Library{file, version_of_number(get_version()), create_runtime});
  return by_handle_.emplace(handle, std::move(library)).first->second.get();
}

}  // namespace etrt::engine::tensorrt
