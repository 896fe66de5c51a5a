// The environment variables. Each test is a process of its own under ctest.

#include <cstdlib>

#include <gtest/gtest.h>

#include <api/environment.h>

namespace etrt::test {
namespace {

TEST(Environment, SetsTheVirtualGpu) {
  setenv("ETRT_VGPU_SMS", "7", 1);
  setenv("ETRT_VGPU_DEVICES", "3", 1);
  setenv("ETRT_VGPU_MEMORY", "64", 1);
  setenv("ETRT_VGPU_CHECK", "1", 1);
  const auto config = api::virtual_gpu_config_from_environment();
  EXPECT_EQ(config.sm_count, 7);
  EXPECT_EQ(config.device_count, 3);
  EXPECT_EQ(config.memory_bytes, std::size_t{64} << 20);
  EXPECT_TRUE(config.check_order);
}

TEST(Environment, ThatDoesNotParseCountsAsUnset) {
  for (const char* text : {"", "x", "-1", "0", "3.5", "99999999999999999999", "2 "}) {
    setenv("ETRT_VGPU_SMS", text, 1);
    setenv("ETRT_VGPU_DEVICES", text, 1);
    const auto config = api::virtual_gpu_config_from_environment();
    EXPECT_EQ(config.sm_count, 0) << "'" << text << "'";
    EXPECT_EQ(config.device_count, 1) << "'" << text << "'";
  }
}

TEST(Environment, NamesOrHidesTheDriverLibrary) {
  unsetenv("ETRT_CUDA_LIBRARY");
  EXPECT_EQ(api::cuda_library_from_environment(), "libcuda.so.1");
  setenv("ETRT_CUDA_LIBRARY", "/opt/libcuda.so", 1);
  EXPECT_EQ(api::cuda_library_from_environment(), "/opt/libcuda.so");
  setenv("ETRT_CUDA_LIBRARY", "none", 1);
  EXPECT_EQ(api::cuda_library_from_environment(), "");
}

TEST(Environment, MayLeaveTheDeviceAllocatorToOthers) {
  unsetenv("ETRT_DEVICE_ALLOCATOR");
  EXPECT_FALSE(api::device_allocator_left_to_others());
  setenv("ETRT_DEVICE_ALLOCATOR", "etrt", 1);
  EXPECT_FALSE(api::device_allocator_left_to_others());
  setenv("ETRT_DEVICE_ALLOCATOR", "none", 1);
  EXPECT_TRUE(api::device_allocator_left_to_others());
}

TEST(Environment, SaysWhereTensorRtIs) {
  setenv("ETRT_TENSORRT_LIBRARY", "/opt/libnvinfer.so.11", 1);
  setenv("VIRTUAL_ENV", "/home/me/venv", 1);
  EXPECT_EQ(api::tensorrt_places_from_environment().library, "/opt/libnvinfer.so.11");
  EXPECT_EQ(api::tensorrt_places_from_environment().virtual_environment, "/home/me/venv");
  unsetenv("ETRT_TENSORRT_LIBRARY");
  EXPECT_EQ(api::tensorrt_places_from_environment().library, "");
}

}  // namespace
}  // namespace etrt::test
