#pragma once

#include <cuda/driver.h>
#include <etrt/result.h>

namespace etrt::cuda {

/// A scope in which a context of `device` is current. A current context of that device is left alone, a green one too:
/// cudaSetDevice would silently replace it by the primary context. Otherwise `primary` is pushed, and popped on every
/// way out; also over a context that was destroyed while it was current, which is none.
/// Threads: a scope belongs to the thread that made it.
class CurrentContext {
 public:
  /// One driver call when the primary context is current, three when another one of the device is.
  static Result<CurrentContext> ensure(const Driver& driver, CUdevice device, CUcontext primary);

  /// Pushes `context` whatever is current.
  static Result<CurrentContext> push(const Driver& driver, CUcontext context);

  /// For cleanup, which must not give up at the first refusal: a driver that refuses once is asked again.
  static Result<CurrentContext> push_for_cleanup(const Driver& driver, CUcontext context);

  CurrentContext(CurrentContext&& other) noexcept : pushed_on_(other.pushed_on_) { other.pushed_on_ = nullptr; }
  CurrentContext& operator=(CurrentContext&&) = delete;
  ~CurrentContext();

 private:
  explicit CurrentContext(const Driver* pushed_on) : pushed_on_(pushed_on) {}

  const Driver* pushed_on_;
};

}  // namespace etrt::cuda
