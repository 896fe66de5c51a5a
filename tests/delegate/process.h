#pragma once

#include <cuda/call_counter.h>
#include <support/fault_injector.h>

namespace etrt::test {

/// Sits in every driver call of the process: counts, and makes chosen calls fail.
/// Threads: safe.
class TestHook final : public cuda::CallHook {
 public:
  cuda::CallCounter counter;
  support::FaultInjector faults;

  std::optional<CUresult> before(cuda::Symbol symbol) override {
    counter.before(symbol);
    return faults.before(symbol);
  }
  void after(cuda::Symbol, CUresult) override {}
};

/// The process's hook; main() installs it before any device is opened.
TestHook& hook();

}  // namespace etrt::test
