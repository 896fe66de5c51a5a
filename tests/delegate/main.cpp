// The delegate's tests run on the process's own devices, with a hook in every driver call, and on the virtual GPU with
// its order checker on and three devices.

#include <cstdlib>
#include <process.h>

#include <executorch/runtime/platform/runtime.h>
#include <gtest/gtest.h>

#include <process/process.h>
#include <support/environment.h>
#include <support/kernel_engine.h>

namespace etrt::test {

TestHook& hook() {
  static TestHook* const instance = new TestHook();
  return *instance;
}

}  // namespace etrt::test

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  setenv("ETRT_VGPU_CHECK", "1", 0);
  setenv("ETRT_VGPU_DEVICES", "3", 0);
  setenv("ETRT_VGPU_SMS", "4", 0);
  etrt::support::prepare_cuda_environment();
  executorch::runtime::runtime_init();
  etrt::process::Process::instance().devices().install_hook(etrt::test::hook());
  etrt::support::add_kernel_engine_loader();
  return RUN_ALL_TESTS();
}
