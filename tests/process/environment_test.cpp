// The environment variables. Each test is a process of its own under ctest.

#include <cstdlib>

#include <gtest/gtest.h>

#include <process/environment.h>

namespace etrt::test {
namespace {

TEST(Environment, SetsTheVirtualGpu) {
  setenv("ETRT_VGPU_SMS", "7", 1);
  setenv("ETRT_VGPU_DEVICES", "3", 1);
  setenv("ETRT_VGPU_MEMORY", "64", 1);
  setenv("ETRT_VGPU_CHECK", "1", 1);
  const auto config = process::Settings::from_environment().virtual_gpu;
  EXPECT_EQ(config.sm_count, 7);
  EXPECT_EQ(config.device_count, 3);
  EXPECT_EQ(config.memory_bytes, std::size_t{64} << 20);
  EXPECT_TRUE(config.check_order);
}

TEST(Environment, ThatDoesNotParseCountsAsUnset) {
  for (const char* text : {"", "x", "-1", "0", "3.5", "99999999999999999999", "2 "}) {
    setenv("ETRT_VGPU_SMS", text, 1);
    setenv("ETRT_VGPU_DEVICES", text, 1);
    const auto config = process::Settings::from_environment().virtual_gpu;
    EXPECT_EQ(config.sm_count, 0) << "'" << text << "'";
    EXPECT_EQ(config.device_count, 1) << "'" << text << "'";
  }
}

TEST(Environment, NamesOrHidesTheDriverLibrary) {
  unsetenv("ETRT_CUDA_LIBRARY");
  EXPECT_EQ(process::Settings::from_environment().cuda_library, "libcuda.so.1");
  setenv("ETRT_CUDA_LIBRARY", "/opt/libcuda.so", 1);
  EXPECT_EQ(process::Settings::from_environment().cuda_library, "/opt/libcuda.so");
  setenv("ETRT_CUDA_LIBRARY", "none", 1);
  EXPECT_EQ(process::Settings::from_environment().cuda_library, "");
}

TEST(Environment, MayLeaveTheDeviceAllocatorToOthers) {
  unsetenv("ETRT_DEVICE_ALLOCATOR");
  EXPECT_FALSE(process::Environment::leaves_device_allocator_to_others());
  setenv("ETRT_DEVICE_ALLOCATOR", "etrt", 1);
  EXPECT_FALSE(process::Environment::leaves_device_allocator_to_others());
  setenv("ETRT_DEVICE_ALLOCATOR", "none", 1);
  EXPECT_TRUE(process::Environment::leaves_device_allocator_to_others());
}

TEST(Environment, SaysWhereTensorRtIs) {
  setenv("ETRT_TENSORRT_LIBRARY", "/opt/libnvinfer.so.11", 1);
  setenv("ETRT_TENSORRT_LEAN_RUNTIME", "/opt/libnvinfer_lean.so.8", 1);
  setenv("VIRTUAL_ENV", "/home/me/venv", 1);
  EXPECT_EQ(process::Settings::from_environment().tensorrt_library, "/opt/libnvinfer.so.11");
  EXPECT_EQ(process::Settings::from_environment().tensorrt_lean_runtime, "/opt/libnvinfer_lean.so.8");
  EXPECT_EQ(process::Settings::from_environment().virtual_environment, "/home/me/venv");
  unsetenv("ETRT_TENSORRT_LIBRARY");
  unsetenv("ETRT_TENSORRT_LEAN_RUNTIME");
  EXPECT_EQ(process::Settings::from_environment().tensorrt_library, "");
  EXPECT_EQ(process::Settings::from_environment().tensorrt_lean_runtime, "");
}

TEST(Environment, IsReadOnceWhenItIsFirstAskedFor) {
  const process::Environment environment;
  setenv("ETRT_CUDA_LIBRARY", "/opt/libcuda.so", 1);
  EXPECT_EQ(environment.settings().cuda_library, "/opt/libcuda.so");
  setenv("ETRT_CUDA_LIBRARY", "none", 1);
  EXPECT_EQ(environment.settings().cuda_library, "/opt/libcuda.so");
}

}  // namespace
}  // namespace etrt::test
