#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/device.h>
#include <cuda/error.h>
#include <etrt/result.h>

namespace etrt::api {

/// Makes one driver call with a context of the device current, and names it when it fails.
template <class Call>
Status in_context(const cuda::Device& device, std::string_view name, Call&& call) {
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(device.driver, device.ordinal, device.primary));
  return cuda::check(device.driver, std::forward<Call>(call)(device.driver), name);
}

/// For destructors: the same call, made also where a context cannot be made current. CUDA frees by address and handle,
/// whichever context is current, and a leak would be the worse answer.
template <class Call>
void clean_up(const cuda::Device& device, Call&& call) noexcept {
  const auto scope = cuda::CurrentContext::ensure(device.driver, device.ordinal, device.primary);
  const auto second =
      scope.ok() ? std::nullopt : std::optional(cuda::CurrentContext::push(device.driver, device.primary));
  static_cast<void>(std::forward<Call>(call)(device.driver));
}

}  // namespace etrt::api
