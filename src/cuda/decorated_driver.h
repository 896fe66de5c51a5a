#pragma once

#include <memory>
#include <optional>

#include <cuda/driver.h>

namespace etrt::cuda {

/// Sees every call that passes through a `DecoratedDriver`.
/// Threads: both functions may be called from any thread, at the same time.
class CallHook {
 public:
  virtual ~CallHook() = default;

  /// Called first. A value is returned to the caller in the call's place; the call is then not made.
  virtual std::optional<CUresult> before(Symbol symbol) = 0;

  /// Called with what the provider answered; not after a call that `before` replaced.
  virtual void after(Symbol symbol, CUresult result) = 0;
};

/// A driver table that calls another one, and a hook around each call. Entry points that the inner table lacks stay
/// empty. Works over any provider, another decorator included.
/// The inner table and the hook must outlive this object; this object must outlive every user of `table()`.
class DecoratedDriver {
 public:
  DecoratedDriver(const Driver& inner, CallHook& hook);
  ~DecoratedDriver();
  DecoratedDriver(const DecoratedDriver&) = delete;
  DecoratedDriver& operator=(const DecoratedDriver&) = delete;

  const Driver& table() const noexcept { return table_; }

 private:
  template <class Function>
  struct Slot;
  struct Slots;

  std::unique_ptr<Slots> slots_;
  Driver table_;
};

}  // namespace etrt::cuda
