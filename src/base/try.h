#pragma once

// The two ways an error travels up a call chain.

/// Evaluates a `Result<void>` and returns its error from the enclosing function.
#define ETRT_TRY(expression)                                    \
  do {                                                          \
    if (auto etrt_status_ = (expression); !etrt_status_.ok()) { \
      return std::move(etrt_status_).error();                   \
    }                                                           \
  } while (false)

#define ETRT_TRY_CONCAT_INNER(a, b) a##b
#define ETRT_TRY_CONCAT(a, b) ETRT_TRY_CONCAT_INNER(a, b)
#define ETRT_TRY_ASSIGN_IMPL(result, declaration, expression) \
  auto result = (expression);                                 \
  if (!result.ok()) {                                         \
    return std::move(result).error();                         \
  }                                                           \
  declaration = std::move(result).value()

/// `ETRT_TRY_ASSIGN(auto x, make_x())`: the value, or the error returned from the enclosing function.
#define ETRT_TRY_ASSIGN(declaration, expression) \
  ETRT_TRY_ASSIGN_IMPL(ETRT_TRY_CONCAT(etrt_result_, __LINE__), declaration, expression)
