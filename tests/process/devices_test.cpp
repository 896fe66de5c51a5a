// The process's list of devices: who is asked again, what a guard costs, and what is said when a driver fails.

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include <gmock/gmock.h>

#include <cuda/call_counter.h>
#include <process/devices.h>
#include <support/fault_injector.h>
#include <support/matchers.h>

namespace etrt::process {
namespace {

using support::fails_with;
using support::is_ok;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string fake_driver(const std::string& name) {
  return std::string(ETRT_FAKE_DRIVERS) + "/libfake_cuda_" + name + ".so";
}

/// Devices of a process whose environment says this.
class Fixture {
 public:
  explicit Fixture(const std::string& cuda_library) : environment_(settings(cuda_library)), devices_(environment_) {}

  Devices* operator->() { return &devices_; }

  std::string why_not(const std::string& name) {
    const auto opened = devices_.open(name);
    return opened.ok() ? "" : opened.error().message();
  }

 private:
  static Settings settings(const std::string& cuda_library) {
    Settings settings;
    settings.cuda_library = cuda_library;
    settings.virtual_gpu.sm_count = 2;
    return settings;
  }

  const Environment environment_;
  Devices devices_;
};

TEST(ProcessDevices, AVirtualGpuThatFailsToStartSaysSoAndStartsTheNextTime) {
  for (const cuda::Symbol call : {cuda::Symbol::k_cuInit, cuda::Symbol::k_cuDeviceGetCount}) {
    support::FaultInjector faults;
    Fixture devices("");
    devices->install_hook(faults);
    faults.fail(call, 1, CUDA_ERROR_UNKNOWN);
    const auto opened = devices->open("virtual");
    ASSERT_THAT(opened, fails_with(ErrorCode::kDriver));
    EXPECT_THAT(opened.error().message(), AllOf(HasSubstr("virtual:0"), HasSubstr(std::string(cuda::name(call))),
                                                HasSubstr("CUDA_ERROR_UNKNOWN"), Not(HasSubstr("0 virtual"))));
    EXPECT_THAT(devices->open("virtual"), is_ok());
  }
}

TEST(ProcessDevices, OutOfMemoryWhileADriverStartsIsOutOfMemory) {
  support::FaultInjector faults;
  Fixture devices("");
  devices->install_hook(faults);
  faults.fail(cuda::Symbol::k_cuInit, 1, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_THAT(devices->open("auto"), fails_with(ErrorCode::kOutOfMemory));
}

TEST(ProcessDevices, AnAbsentGpuLeavesAutoToTheVirtualOne) {
  Fixture devices("/nowhere/libcuda.so.1");
  const auto opened = devices->open("auto");
  ASSERT_THAT(opened, is_ok());
  EXPECT_TRUE((*opened)->is_virtual);
  EXPECT_THAT(devices->why_no_cuda(), HasSubstr("/nowhere/libcuda.so.1"));
}

TEST(ProcessDevices, AGpuWhoseDriverFailsIsNoAbsentGpu) {
  Fixture devices(fake_driver("broken_init"));
  EXPECT_THAT(devices.why_not("auto"), AllOf(HasSubstr("cuInit failed"), HasSubstr("device=virtual")));
  EXPECT_THAT(devices.why_not("cuda:0"), HasSubstr("cuInit failed"));
  EXPECT_THAT(devices->why_no_cuda(), HasSubstr("cuInit failed"));
  EXPECT_THAT(devices->open("virtual"), is_ok());
}

TEST(ProcessDevices, AGpuWhoseDriverStartsLateIsThereTheNextTime) {
  Fixture devices(fake_driver("starts_late"));
  EXPECT_THAT(devices.why_not("cuda:0"), HasSubstr("cuInit failed"));
  const auto opened = devices->open("auto");
  ASSERT_THAT(opened, is_ok());
  EXPECT_FALSE((*opened)->is_virtual);
  EXPECT_EQ(devices->why_no_cuda(), "");
}

/// Stands in a chosen driver call until it is let go.
class Halt final : public cuda::CallHook {
 public:
  explicit Halt(cuda::Symbol symbol) : symbol_(symbol) {}

  std::optional<CUresult> before(cuda::Symbol symbol) override {
    if (symbol != symbol_ || !closed_) return std::nullopt;
    reached_ = true;
    reached_.notify_all();
    closed_.wait(true);
    return std::nullopt;
  }
  void after(cuda::Symbol, CUresult) override {}

  void close() { closed_ = true; }
  void wait_until_reached() { reached_.wait(false); }
  void open() {
    closed_ = false;
    closed_.notify_all();
  }

 private:
  const cuda::Symbol symbol_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> reached_{false};
};

TEST(ProcessDevices, WhoAsksForAnOpenDeviceOrAStreamDoesNotWaitForOneThatOpens) {
  Halt halt(cuda::Symbol::k_cuDevicePrimaryCtxRetain);
  Settings settings;
  settings.virtual_gpu.device_count = 2;
  settings.virtual_gpu.sm_count = 2;
  const Environment environment(settings);
  Devices devices(environment);
  devices.install_hook(halt);
  const auto first = devices.open("virtual:0");
  ASSERT_THAT(first, is_ok());
  const cuda::Driver& driver = (*first)->driver;
  ASSERT_THAT(driver.cuCtxSetCurrent((*first)->primary), is_ok());
  CUstream stream = nullptr;
  ASSERT_THAT(driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), is_ok());

  halt.close();
  std::thread opening([&] { EXPECT_THAT(devices.open("virtual:1"), is_ok()); });
  halt.wait_until_reached();
  auto asking = std::async(std::launch::async, [&] {
    const auto identity = devices.identify(stream);
    EXPECT_TRUE(identity.has_value() && identity->device == 0);
    EXPECT_EQ(*devices.open("virtual:0"), *first);
  });
  EXPECT_EQ(asking.wait_for(std::chrono::seconds(20)), std::future_status::ready) << "they wait for each other";
  halt.open();
  asking.get();
  opening.join();

  EXPECT_THAT(driver.cuStreamDestroy(stream), is_ok());
  EXPECT_THAT(driver.cuCtxSetCurrent(nullptr), is_ok());
}

}  // namespace
}  // namespace etrt::process
