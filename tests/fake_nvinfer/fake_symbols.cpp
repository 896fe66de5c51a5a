// Libraries that are not TensorRT, or not as expected: each has some of its entry points.

#include <cstdint>

#define FAKE_EXPORT extern "C" __attribute__((visibility("default")))

#ifndef FAKE_WITHOUT_CREATE
FAKE_EXPORT void* createInferRuntime_INTERNAL(void*, std::int32_t) noexcept {
  // As TensorRT 11.4 answers where it fails: null, moved to a base class.
  return reinterpret_cast<void*>(0x228);
}
#endif

#ifdef FAKE_VERSION
FAKE_EXPORT std::int32_t getInferLibVersion() noexcept {
  return FAKE_VERSION;
}
#endif
