#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include <cuda/decorated_driver.h>

namespace etrt::support {

/// Makes chosen calls fail without reaching the provider.
/// Threads: safe.
class FaultInjector final : public cuda::CallHook {
 public:
  /// The `nth` call of `symbol` from now on (1 is the next one) returns `result`; later calls pass again.
  void fail(cuda::Symbol symbol, std::uint64_t nth, CUresult result);

  /// The `nth` call from now on, whichever entry point it is, returns `result`. Queries of error names never count.
  void fail_any(std::uint64_t nth, CUresult result);

  /// Forgets every fault that was asked for.
  void clear();

  /// How many faults were delivered since construction or `clear`.
  std::uint64_t delivered() const;

  /// The entry point that failed last; meaningful when `delivered() > 0`.
  cuda::Symbol last() const;

  std::optional<CUresult> before(cuda::Symbol symbol) override;
  void after(cuda::Symbol, CUresult) override {}

 private:
  struct Fault {
    std::optional<cuda::Symbol> symbol;
    std::uint64_t remaining;
    CUresult result;
  };

  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::uint64_t delivered_ = 0;
  cuda::Symbol last_{};
};

}  // namespace etrt::support
