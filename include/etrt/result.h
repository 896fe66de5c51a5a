#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace etrt {

/// What kind of failure an `Error` is. The delegate maps each to one `executorch::runtime::Error`.
enum class ErrorCode {
  kInvalidArgument,  ///< the caller passed something that cannot be right: shape, type, option, stream
  kInvalidType,      ///< a tensor of another element type than the engine's
  kInvalidState,     ///< right in itself, not now: a stream in capture, a green context without a guard
  kInvalidData,      ///< a file or blob is malformed
  kNotFound,         ///< a file, device, library or entry point is missing
  kNotSupported,     ///< well-formed, but not something this build or machine can do
  kIncompatible,     ///< an engine for another GPU, library version or platform
  kOutOfMemory,      ///< host, pinned or device memory ran out
  kDriver,           ///< a CUDA driver call failed
  kInternal,         ///< a bug in etrt
};

/// A failure as a value: a code to branch on, and a message that says what was asked, what was found and what to do.
class Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }

  /// The same failure seen from further out: "`context`: message".
  Error within(const std::string& context) && { return {code_, context + ": " + message_}; }

 private:
  ErrorCode code_;
  std::string message_;
};

namespace detail {

/// The end of a process that took a failure for a success: with the failure's own words, which nobody else will tell.
[[noreturn]] inline void end_unread(const Error* error) noexcept {
  if (error != nullptr) {
    std::fprintf(stderr, "etrt: a result was used as a value, but it is an error: %s\n", error->message().c_str());
  } else {
    std::fprintf(stderr, "etrt: a result was asked for its error, but it is a success\n");
  }
  std::abort();
}

template <class State>
auto& read_value(State& state) noexcept {
  if (auto* value = std::get_if<0>(&state)) return *value;
  end_unread(std::get_if<1>(&state));
}

template <class State>
auto& read_error(State& state) noexcept {
  if (auto* error = std::get_if<1>(&state)) return *error;
  end_unread(nullptr);
}

}  // namespace detail

/// A value or an `Error`. Success allocates nothing beyond the value itself.
/// Reading the wrong side ends the process with the error's text on stderr, so test with `ok()` first.
/// Threads: like any value; no shared state.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  T& value() & { return detail::read_value(state_); }
  const T& value() const& { return detail::read_value(state_); }
  T&& value() && { return std::move(detail::read_value(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return detail::read_error(state_); }
  Error&& error() && { return std::move(detail::read_error(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : state_(std::move(error)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  const Error& error() const& { return detail::read_error(state_); }
  Error&& error() && { return std::move(detail::read_error(state_)); }

 private:
  std::variant<std::monostate, Error> state_;
};

/// Success, or why not.
using Status = Result<void>;

}  // namespace etrt
