#include <atomic>
#include <dlfcn.h>

#include <delegate/caller_stream.h>

namespace etrt::delegate {
namespace {

using GetCallerStream = std::optional<CUstream> (*)();

/// executorch::extension::cuda::getCallerStream(), as the Itanium C++ ABI spells it.
constexpr const char* kSymbol = "_ZN10executorch9extension4cuda15getCallerStreamEv";

std::atomic<GetCallerStream> get_caller_stream{nullptr};

}  // namespace

void refresh_executorch_caller_stream() {
  get_caller_stream.store(reinterpret_cast<GetCallerStream>(dlsym(RTLD_DEFAULT, kSymbol)), std::memory_order_release);
}

std::optional<CUstream> executorch_caller_stream() {
  const GetCallerStream get = get_caller_stream.load(std::memory_order_acquire);
  return get == nullptr ? std::nullopt : get();
}

}  // namespace etrt::delegate
