#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <cuda.h>
#include <cudaTypedefs.h>

#include <cuda/driver_symbols.h>
#include <cuda/entry_point.h>

namespace etrt::cuda {

/// Names an entry point of the table, for decorators and messages: `Symbol::k_cuEventRecord`.
enum class Symbol : std::uint16_t {
#define ETRT_CUDA_ENUMERATOR(name, version) k_##name,
  ETRT_CUDA_SYMBOLS(ETRT_CUDA_ENUMERATOR, ETRT_CUDA_ENUMERATOR)
#undef ETRT_CUDA_ENUMERATOR
};

inline constexpr std::string_view kSymbolNames[] = {
#define ETRT_CUDA_NAME(name, version) #name,
    ETRT_CUDA_SYMBOLS(ETRT_CUDA_NAME, ETRT_CUDA_NAME)
#undef ETRT_CUDA_NAME
};
inline constexpr std::size_t kSymbolCount = sizeof(kSymbolNames) / sizeof(kSymbolNames[0]);

/// "cuEventRecord" for `Symbol::k_cuEventRecord`.
constexpr std::string_view name(Symbol symbol) {
  return kSymbolNames[static_cast<std::size_t>(symbol)];
}

/// The one seam of etrt: the CUDA driver API as a table. `libcuda.so.1` provides it, or the virtual GPU, or a decorator
/// over either. Functions, handles, contexts and error codes have CUDA's meanings (CUDA Driver API reference); members
/// have CUDA's names: `driver.cuEventRecord(event, stream)`.
///
/// Whoever holds a handle holds a reference to the table that made it; there is no current table.
/// Threads: immutable once filled; the functions are as thread-safe as CUDA's.
struct Driver {
#define ETRT_CUDA_MEMBER(name, version) EntryPoint<PFN_##name##_v##version> name;
  ETRT_CUDA_SYMBOLS(ETRT_CUDA_MEMBER, ETRT_CUDA_MEMBER)
#undef ETRT_CUDA_MEMBER

  /// Whether green contexts (SM partitions) can be made: a driver before CUDA 12.5 lacks them.
  bool has_partitions() const {
    return cuDeviceGetDevResource && cuDevSmResourceSplitByCount && cuDevResourceGenerateDesc && cuGreenCtxCreate &&
           cuGreenCtxDestroy && cuGreenCtxGetDevResource && cuCtxFromGreenCtx && cuGreenCtxStreamCreate;
  }

  /// Whether the graph of a capture can be made to keep something alive: a driver before CUDA 12.3 cannot.
  bool has_user_objects() const {
    return cuUserObjectCreate && cuUserObjectRelease && cuGraphRetainUserObject && cuStreamGetCaptureInfo;
  }
};

}  // namespace etrt::cuda
