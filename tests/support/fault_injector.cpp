#include <support/fault_injector.h>

namespace etrt::support {

using cuda::Symbol;

void FaultInjector::fail(Symbol symbol, std::uint64_t nth, CUresult result) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({symbol, nth, result});
}

void FaultInjector::fail_any(std::uint64_t nth, CUresult result) {
  const std::lock_guard lock(mutex_);
  faults_.push_back({std::nullopt, nth, result});
}

void FaultInjector::clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
  delivered_ = 0;
}

std::uint64_t FaultInjector::delivered() const {
  const std::lock_guard lock(mutex_);
  return delivered_;
}

Symbol FaultInjector::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

std::optional<CUresult> FaultInjector::before(Symbol symbol) {
  if (symbol == Symbol::k_cuGetErrorName || symbol == Symbol::k_cuGetErrorString) return std::nullopt;
  const std::lock_guard lock(mutex_);
  std::optional<CUresult> replaced;
  for (auto& fault : faults_) {
    if (fault.remaining == 0 || (fault.symbol && *fault.symbol != symbol)) continue;
    if (--fault.remaining == 0) {
      replaced = fault.result;
      last_ = symbol;
      ++delivered_;
    }
  }
  return replaced;
}

}  // namespace etrt::support
