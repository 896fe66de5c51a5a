#pragma once

#include <stdexcept>
#include <utility>

#include <etrt/result.h>

namespace etrt::support {

/// The value of a result that a test cannot go on without. A failure ends the test, with the error's message as the
/// reason: gtest reports the exception.
template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

}  // namespace etrt::support
