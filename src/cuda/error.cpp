#include <base/format.h>
#include <cuda/error.h>

namespace etrt::cuda {

std::string describe(const Driver& driver, CUresult result) {
  const char* name = nullptr;
  const char* text = nullptr;
  if (driver.cuGetErrorName(result, &name) != CUDA_SUCCESS || name == nullptr) name = "unknown CUDA error";
  if (driver.cuGetErrorString(result, &text) != CUDA_SUCCESS || text == nullptr) text = "no description";
  return base::concat(name, " (", static_cast<int>(result), "): ", text);
}

Status check(const Driver& driver, CUresult result, std::string_view call, const char* file, int line) {
  if (result == CUDA_SUCCESS) return {};
  const auto code = result == CUDA_ERROR_OUT_OF_MEMORY ? ErrorCode::kOutOfMemory : ErrorCode::kDriver;
  std::string_view name = file;
  if (const auto slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  const char* hint =
      result == CUDA_ERROR_NOT_INITIALIZED
          ? ": was the process forked after its parent used the device? A child cannot use it; start one "
            "by exec, or fork before the first use"
          : "";
  return Error(code, base::concat(call, " failed with ", describe(driver, result), hint, " [", name, ":", line, "]"));
}

}  // namespace etrt::cuda
