#pragma once

#include <type_traits>

#include <cuda.h>

namespace etrt::cuda {

template <class Function>
class EntryPoint;

/// One slot of the driver table: a CUDA function pointer, or a bound function of a provider written in C++. The context
/// that a bound function needs travels with the slot, so several providers of the same entry points live side by side
/// without globals.
/// Threads: immutable after construction; as thread-safe as the function behind it.
template <class... Args>
class EntryPoint<CUresult (*)(Args...)> {
 public:
  using Native = CUresult (*)(Args...);

  EntryPoint() = default;

  /// A slot that calls `function` itself; null gives an empty slot.
  static EntryPoint native(Native function) {
    EntryPoint entry;
    if (function == nullptr) return entry;
    entry.target_.function = function;
    entry.invoke_ = [](Target target, Args... args) { return target.function(args...); };
    return entry;
  }

  /// A slot that calls `Function(self, args...)`. `self` must outlive the slot.
  template <auto Function, class Self>
  static EntryPoint bound(Self* self) {
    EntryPoint entry;
    entry.target_.object = self;
    entry.invoke_ = [](Target target, Args... args) -> CUresult {
      return Function(*static_cast<Self*>(target.object), args...);
    };
    return entry;
  }

  explicit operator bool() const noexcept { return invoke_ != nullptr; }

  CUresult operator()(Args... args) const { return invoke_(target_, args...); }

 private:
  union Target {
    void* object = nullptr;
    Native function;
  };

  CUresult (*invoke_)(Target, Args...) = nullptr;
  Target target_;
};

}  // namespace etrt::cuda
