#pragma once

#include <string>
#include <string_view>

#include <cuda/driver.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// "CUDA_ERROR_INVALID_HANDLE (400): invalid resource handle", in the provider's own words.
std::string describe(const Driver& driver, CUresult result);

/// The one place where a CUresult becomes an etrt error. The message names the call, the code and the source line;
/// `CUDA_ERROR_OUT_OF_MEMORY` becomes `kOutOfMemory`, everything else `kDriver`.
Status check(const Driver& driver, CUresult result, std::string_view call, const char* file = __builtin_FILE(),
             int line = __builtin_LINE());

}  // namespace etrt::cuda
