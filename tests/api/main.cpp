// The public API's tests share one virtual device of six SMs, made before a test can change the environment.

#include <cstdlib>

#include <gtest/gtest.h>

#include <etrt/device.h>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  setenv("ETRT_VGPU_SMS", "6", 1);
  const auto device = etrt::Device::open("virtual");
  return device.ok() ? RUN_ALL_TESTS() : 1;
}
