#include <atomic>
#include <dlfcn.h>
#include <link.h>
#include <mutex>
#include <string>
#include <vector>

#include <delegate/streams/caller_stream.h>

namespace etrt::delegate {
namespace {

using GetCallerStream = std::optional<CUstream> (*)();

/// executorch::extension::cuda::getCallerStream(), as the Itanium C++ ABI spells it.
constexpr const char* kSymbol = "_ZN10executorch9extension4cuda15getCallerStreamEv";

std::atomic<GetCallerStream> get_caller_stream{nullptr};

struct LoadedLibraries {
  unsigned long long loads = 0;  ///< libraries that the process has loaded so far
  std::vector<std::string> names;
};

int count_loads(dl_phdr_info* library, std::size_t, void* loads) {
  *static_cast<unsigned long long*>(loads) = library->dlpi_adds;
  return 1;
}

int add_name(dl_phdr_info* library, std::size_t, void* loaded) {
  auto& libraries = *static_cast<LoadedLibraries*>(loaded);
  libraries.loads = library->dlpi_adds;
  libraries.names.emplace_back(library->dlpi_name);
  return 0;
}

/// Python extensions and plugins are loaded RTLD_LOCAL, which a lookup among all libraries passes over.
GetCallerStream find_in(const std::string& name) {
  // The program itself has no name, and stands for all that is global.
  void* library = dlopen(name.empty() ? nullptr : name.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (library == nullptr) return nullptr;
  const auto get = reinterpret_cast<GetCallerStream>(dlsym(library, kSymbol));
  // Found, the library is held for good: calls of any thread go into it from now on.
  if (get == nullptr) dlclose(library);
  return get;
}

}  // namespace

void refresh_executorch_caller_stream() {
  if (get_caller_stream.load(std::memory_order_acquire) != nullptr) return;
  static std::mutex mutex;
  static unsigned long long searched_at = 0;
  const std::lock_guard lock(mutex);
  unsigned long long loads = 0;
  dl_iterate_phdr(&count_loads, &loads);
  if (loads == searched_at) return;
  LoadedLibraries loaded;
  dl_iterate_phdr(&add_name, &loaded);
  searched_at = loaded.loads;
  for (const std::string& name : loaded.names) {
    const GetCallerStream get = find_in(name);
    if (get == nullptr) continue;
    get_caller_stream.store(get, std::memory_order_release);
    return;
  }
}

std::optional<CUstream> executorch_caller_stream() {
  const GetCallerStream get = get_caller_stream.load(std::memory_order_acquire);
  return get == nullptr ? std::nullopt : get();
}

}  // namespace etrt::delegate
