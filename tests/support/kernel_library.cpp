#include <algorithm>
#include <utility>

#include <base/try.h>
#include <cuda/error.h>
#include <support/kernel_library.h>

namespace etrt::support {
namespace {

constexpr const char* kNames[] = {"fill_u32", "add_u32", "copy_u32", "record_sm", "spin", "hold"};

std::uint32_t blocks_for(std::uint32_t count) {
  return std::max(1u, (count + kBlockThreads - 1) / kBlockThreads);
}

std::uint64_t nanoseconds(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(duration.count());
}

}  // namespace

Result<KernelLibrary> KernelLibrary::load(const cuda::Driver& driver, const void* image) {
  ETRT_TRY_ASSIGN(auto module, cuda::load_module(driver, image));
  KernelLibrary library(driver, std::move(module));
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    ETRT_TRY(cuda::check(driver, driver.cuModuleGetFunction(&library.functions_[i], library.module_.get(), kNames[i]),
                         "cuModuleGetFunction"));
  }
  return library;
}

CUresult KernelLibrary::launch(Name name, CUstream stream, std::uint32_t blocks, std::uint32_t threads,
                               void** parameters) const {
  return driver_->cuLaunchKernel(functions_[name], blocks, 1, 1, threads, 1, 1, 0, stream, parameters, nullptr);
}

CUresult KernelLibrary::fill_u32(CUstream stream, CUdeviceptr data, std::uint32_t value, std::uint32_t count) const {
  void* parameters[] = {&data, &value, &count};
  return launch(kFill, stream, blocks_for(count), kBlockThreads, parameters);
}

CUresult KernelLibrary::add_u32(CUstream stream, CUdeviceptr data, std::uint32_t value, std::uint32_t count) const {
  void* parameters[] = {&data, &value, &count};
  return launch(kAdd, stream, blocks_for(count), kBlockThreads, parameters);
}

CUresult KernelLibrary::copy_u32(CUstream stream, CUdeviceptr destination, CUdeviceptr source,
                                 std::uint32_t count) const {
  void* parameters[] = {&destination, &source, &count};
  return launch(kCopy, stream, blocks_for(count), kBlockThreads, parameters);
}

CUresult KernelLibrary::record_sm(CUstream stream, CUdeviceptr out, std::uint32_t blocks,
                                  std::chrono::nanoseconds stay) const {
  std::uint64_t stay_ns = nanoseconds(stay);
  void* parameters[] = {&out, &blocks, &stay_ns};
  return launch(kRecordSm, stream, blocks, 1, parameters);
}

CUresult KernelLibrary::spin(CUstream stream, std::chrono::nanoseconds duration) const {
  std::uint64_t duration_ns = nanoseconds(duration);
  void* parameters[] = {&duration_ns};
  return launch(kSpin, stream, 1, 1, parameters);
}

CUresult KernelLibrary::hold(CUstream stream, CUdeviceptr flags, std::chrono::nanoseconds limit) const {
  std::uint64_t limit_ns = nanoseconds(limit);
  void* parameters[] = {&flags, &limit_ns};
  return launch(kHold, stream, 1, 1, parameters);
}

}  // namespace etrt::support
