// What loading etrt's library does to ExecuTorch's allocator for CUDA memory. Each test is a process of its own: the
// registry keeps what it was given, and a second registration aborts.

#include <cstddef>
#include <cstdlib>
#include <dlfcn.h>

#include <executorch/runtime/core/device_allocator.h>
#include <executorch/runtime/platform/runtime.h>
#include <gtest/gtest.h>

namespace etrt::test {
namespace {

namespace et = executorch::runtime;
using et::etensor::DeviceIndex;
using et::etensor::DeviceType;

/// Another library's allocator.
class OtherAllocator final : public et::DeviceAllocator {
 public:
  et::Result<void*> allocate(std::size_t, DeviceIndex, std::size_t) override { return et::Error::NotSupported; }
  void deallocate(void*, DeviceIndex) override {}
  et::Error copy_host_to_device(void*, const void*, std::size_t, DeviceIndex) override {
    return et::Error::NotSupported;
  }
  et::Error copy_device_to_host(void*, const void*, std::size_t, DeviceIndex) override {
    return et::Error::NotSupported;
  }
  DeviceType device_type() const override { return DeviceType::CUDA; }
};

OtherAllocator other;

bool load_etrt() {
  return dlopen(ETRT_LIBRARY, RTLD_NOW) != nullptr;
}

/// Runs `body`, which says whether all was well, in a process of its own.
template <class Body>
void in_a_new_process(Body&& body) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::_Exit(body() ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

TEST(Registration, GivesExecuTorchAnAllocatorForCuda) {
  in_a_new_process([] {
    et::runtime_init();
    return et::get_device_allocator(DeviceType::CUDA) == nullptr && load_etrt() &&
           et::get_device_allocator(DeviceType::CUDA) != nullptr;
  });
}

TEST(Registration, YieldsToAnAllocatorThatIsThere) {
  in_a_new_process([] {
    et::runtime_init();
    et::register_device_allocator(&other);
    return load_etrt() && et::get_device_allocator(DeviceType::CUDA) == &other;
  });
}

TEST(Registration, LeavesThePlaceToALaterOneWhenToldTo) {
  in_a_new_process([] {
    et::runtime_init();
    setenv("ETRT_DEVICE_ALLOCATOR", "none", 1);
    if (!load_etrt() || et::get_device_allocator(DeviceType::CUDA) != nullptr) return false;
    et::register_device_allocator(&other);
    return et::get_device_allocator(DeviceType::CUDA) == &other;
  });
}

}  // namespace
}  // namespace etrt::test
