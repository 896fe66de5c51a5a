#include <dlfcn.h>

#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>
#include <cuda/library.h>

namespace etrt::cuda {
namespace {

/// Resolves symbols of one opened driver library, by whichever cuGetProcAddress it has.
class Resolver {
 public:
  explicit Resolver(void* library)
      : get_v12000_(reinterpret_cast<PFN_cuGetProcAddress_v12000>(dlsym(library, "cuGetProcAddress_v2"))),
        get_v11030_(reinterpret_cast<PFN_cuGetProcAddress_v11030>(dlsym(library, "cuGetProcAddress"))) {}

  bool usable() const { return get_v12000_ != nullptr || get_v11030_ != nullptr; }

  template <class Function>
  EntryPoint<Function> resolve(const char* name, int version) const {
    void* address = nullptr;
    CUresult result = CUDA_ERROR_NOT_FOUND;
    if (get_v12000_ != nullptr) {
      CUdriverProcAddressQueryResult query{};
      result = get_v12000_(name, &address, version, CU_GET_PROC_ADDRESS_DEFAULT, &query);
    } else {
      result = get_v11030_(name, &address, version, CU_GET_PROC_ADDRESS_DEFAULT);
    }
    if (result != CUDA_SUCCESS) address = nullptr;
    return EntryPoint<Function>::native(reinterpret_cast<Function>(address));
  }

 private:
  PFN_cuGetProcAddress_v12000 get_v12000_;
  PFN_cuGetProcAddress_v11030 get_v11030_;
};

Error missing_entry_point(const std::string& path, const char* name, int version) {
  return Error(ErrorCode::kNotSupported,
               base::concat(path, " has no entry point ", name, " (CUDA ", version / 1000, ".", version % 1000 / 10,
                            "): the NVIDIA driver is too old, update it or use device=virtual"));
}

Status fill(Driver& driver, const Resolver& resolver, const std::string& path) {
#define ETRT_CUDA_RESOLVE_REQUIRED(name, version)                          \
  driver.name = resolver.resolve<PFN_##name##_v##version>(#name, version); \
  if (!driver.name) return missing_entry_point(path, #name, version);
#define ETRT_CUDA_RESOLVE_OPTIONAL(name, version) \
  driver.name = resolver.resolve<PFN_##name##_v##version>(#name, version);
  ETRT_CUDA_SYMBOLS(ETRT_CUDA_RESOLVE_REQUIRED, ETRT_CUDA_RESOLVE_OPTIONAL)
#undef ETRT_CUDA_RESOLVE_REQUIRED
#undef ETRT_CUDA_RESOLVE_OPTIONAL
  return {};
}

Status initialise(const Driver& driver, const std::string& path) {
  const CUresult result = driver.cuInit(0);
  if (result == CUDA_ERROR_NO_DEVICE) {
    return Error(ErrorCode::kNotFound, path + " is there but sees no CUDA device: use device=virtual");
  }
  ETRT_TRY(check(driver, result, "cuInit"));
  int count = 0;
  ETRT_TRY(check(driver, driver.cuDeviceGetCount(&count), "cuDeviceGetCount"));
  if (count == 0) return Error(ErrorCode::kNotFound, path + " is there but lists no CUDA device: use device=virtual");
  return {};
}

}  // namespace

Result<std::unique_ptr<const Driver>> load_library(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return Error(ErrorCode::kNotFound, base::concat("no CUDA driver: cannot open ", path, " (",
                                                    reason != nullptr ? reason : "no reason given",
                                                    "): install the NVIDIA driver or use device=virtual"));
  }
  const Resolver resolver(library);
  if (!resolver.usable()) return missing_entry_point(path, "cuGetProcAddress", 11030);

  auto driver = std::make_unique<Driver>();
  ETRT_TRY(fill(*driver, resolver, path));
  ETRT_TRY(initialise(*driver, path));
  return std::unique_ptr<const Driver>(std::move(driver));
}

}  // namespace etrt::cuda
