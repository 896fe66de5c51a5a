// A shared object that looks like a CUDA driver library: cuGetProcAddress hands out a stub for every entry point of the
// table. What is wrong with it is chosen at compile time, one library each:
//   FAKE_WITHOUT="cuGraphDestroy" that entry point is missing; several have commas between them
//   FAKE_NEWEST=12030             entry points of later versions are missing
//   FAKE_INIT_RESULT=...          what cuInit answers
//   FAKE_FAILING_INITS=1          so often cuInit fails first
//   FAKE_DEVICES=0                how many devices there are
//   FAKE_NO_PROC_ADDRESS          it has no cuGetProcAddress at all
//   FAKE_OLD_PROC_ADDRESS         it has the cuGetProcAddress of CUDA 11.3 alone
#include <atomic>
#include <string_view>

#include <cuda.h>
#include <cudaTypedefs.h>

#include <cuda/driver_symbols.h>

#ifdef cuGetProcAddress
#undef cuGetProcAddress
#endif

#ifndef FAKE_WITHOUT
#define FAKE_WITHOUT ""
#endif
#ifndef FAKE_NEWEST
#define FAKE_NEWEST 99990
#endif
#ifndef FAKE_INIT_RESULT
#define FAKE_INIT_RESULT CUDA_SUCCESS
#endif
#ifndef FAKE_DEVICES
#define FAKE_DEVICES 2
#endif

namespace {

template <class Function>
struct Stub;

template <class... Args>
struct Stub<CUresult (*)(Args...)> {
  static CUresult answer(Args...) { return CUDA_SUCCESS; }
};

CUresult answer_init(unsigned) {
#ifdef FAKE_FAILING_INITS
  static std::atomic<int> calls{0};
  if (calls++ < FAKE_FAILING_INITS) return CUDA_ERROR_SYSTEM_NOT_READY;
#endif
  return FAKE_INIT_RESULT;
}

CUresult answer_device_count(int* count) {
  *count = FAKE_DEVICES;
  return CUDA_SUCCESS;
}

CUresult answer_error_name(CUresult, const char** name) {
  *name = "CUDA_ERROR_OF_THE_FAKE";
  return CUDA_SUCCESS;
}

struct Entry {
  std::string_view name;
  int version;
  void* address;
};

const Entry kEntries[] = {{"cuInit", 2000, reinterpret_cast<void*>(&answer_init)},
                          {"cuDeviceGetCount", 2000, reinterpret_cast<void*>(&answer_device_count)},
                          {"cuGetErrorName", 6000, reinterpret_cast<void*>(&answer_error_name)},
#define FAKE_ENTRY(name, version) {#name, version, reinterpret_cast<void*>(&Stub<PFN_##name##_v##version>::answer)},
                          ETRT_CUDA_SYMBOLS(FAKE_ENTRY, FAKE_ENTRY)
#undef FAKE_ENTRY
};

bool is_missing(std::string_view name) {
  std::string_view missing(FAKE_WITHOUT);
  while (!missing.empty()) {
    const auto comma = missing.find(',');
    if (missing.substr(0, comma) == name) return true;
    missing = comma == std::string_view::npos ? "" : missing.substr(comma + 1);
  }
  return false;
}

/// Like a driver, knows an entry point from the version on that introduced its signature.
[[maybe_unused]] CUresult find(const char* name, void** address, int version) {
  *address = nullptr;
  if (is_missing(name)) return CUDA_ERROR_NOT_FOUND;
  for (const auto& entry : kEntries) {
    if (entry.name != name) continue;
    if (entry.version != version || entry.version > FAKE_NEWEST) return CUDA_ERROR_NOT_FOUND;
    *address = entry.address;
    return CUDA_SUCCESS;
  }
  return CUDA_ERROR_NOT_FOUND;
}

}  // namespace

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

#ifndef FAKE_NO_PROC_ADDRESS
FAKE_EXPORT CUresult cuGetProcAddress(const char* name, void** address, int version, cuuint64_t) {
  return find(name, address, version);
}
#ifndef FAKE_OLD_PROC_ADDRESS
FAKE_EXPORT CUresult cuGetProcAddress_v2(const char* name, void** address, int version, cuuint64_t,
                                         CUdriverProcAddressQueryResult* found) {
  const CUresult result = find(name, address, version);
  if (found != nullptr) {
    *found = result == CUDA_SUCCESS ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  }
  return result;
}
#endif
#endif
