#include <cuda/decorated_driver.h>

namespace etrt::cuda {

template <class... Args>
struct DecoratedDriver::Slot<CUresult (*)(Args...)> {
  EntryPoint<CUresult (*)(Args...)> inner;
  Symbol symbol;
  CallHook* hook = nullptr;

  static CUresult call(const Slot& slot, Args... args) {
    if (const auto replaced = slot.hook->before(slot.symbol)) return *replaced;
    const CUresult result = slot.inner(args...);
    slot.hook->after(slot.symbol, result);
    return result;
  }
};

struct DecoratedDriver::Slots {
#define ETRT_CUDA_SLOT(name, version) Slot<PFN_##name##_v##version> name;
  ETRT_CUDA_SYMBOLS(ETRT_CUDA_SLOT, ETRT_CUDA_SLOT)
#undef ETRT_CUDA_SLOT
};

DecoratedDriver::DecoratedDriver(const Driver& inner, CallHook& hook) : slots_(std::make_unique<Slots>()) {
#define ETRT_CUDA_DECORATE(name, version)                                                                          \
  if (inner.name) {                                                                                                \
    slots_->name = {inner.name, Symbol::k_##name, &hook};                                                          \
    table_.name = EntryPoint<PFN_##name##_v##version>::bound<&Slot<PFN_##name##_v##version>::call>(&slots_->name); \
  }
  ETRT_CUDA_SYMBOLS(ETRT_CUDA_DECORATE, ETRT_CUDA_DECORATE)
#undef ETRT_CUDA_DECORATE
}

DecoratedDriver::~DecoratedDriver() = default;

}  // namespace etrt::cuda
