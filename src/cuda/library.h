#pragma once

#include <memory>
#include <string>

#include <cuda/driver.h>
#include <etrt/result.h>

namespace etrt::cuda {

inline constexpr const char* kDriverLibrary = "libcuda.so.1";

/// Opens the CUDA driver library, resolves every entry point by `cuGetProcAddress` and calls `cuInit(0)`.
///
/// Errors, each with its remedy in the message: `kNotFound` when the library is missing or has no device,
/// `kNotSupported` when it lacks a required entry point (named), `kDriver` when `cuInit` fails otherwise.
/// The library is never closed: handles and the driver's own threads outlive any scope of ours.
/// Threads: safe; each call fills a table of its own.
Result<std::unique_ptr<const Driver>> load_library(const std::string& path = kDriverLibrary);

}  // namespace etrt::cuda
