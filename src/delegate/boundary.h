#pragma once

#include <exception>
#include <new>

#include <executorch/runtime/core/error.h>
#include <executorch/runtime/platform/log.h>

#include <delegate/error_mapping.h>
#include <delegate/log_lines.h>
#include <etrt/result.h>

namespace etrt::delegate {

/// An error leaves etrt: it is logged, once, and becomes ExecuTorch's. `where` is the function that ExecuTorch called.
inline executorch::runtime::Error told(const char* where, const Error& error) {
  log_error(where, error.message());
  return to_executorch(error.code());
}

/// Runs `body`; no exception crosses into ExecuTorch, which is built to do without.
template <class Body>
auto contained(const char* where, Body&& body) noexcept -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    ET_LOG(Error, "TensorRTBackend::%s: the host is out of memory", where);
    return executorch::runtime::Error::MemoryAllocationFailed;
  } catch (const std::exception& exception) {
    ET_LOG(Error, "TensorRTBackend::%s: unexpected exception: %s", where, exception.what());
    return executorch::runtime::Error::Internal;
  } catch (...) {
    ET_LOG(Error, "TensorRTBackend::%s: unexpected exception", where);
    return executorch::runtime::Error::Internal;
  }
}

}  // namespace etrt::delegate
