// What is freed, and what goes on working, where the driver refuses a call or the current context is gone.
#include <optional>

#include <gtest/gtest.h>

#include <cuda/decorated_driver.h>
#include <cuda/device.h>
#include <etrt/buffer.h>
#include <etrt/event.h>
#include <etrt/partition.h>
#include <etrt/stream.h>
#include <support/fault_injector.h>
#include <support/matchers.h>
#include <support/must.h>
#include <vgpu/virtual_gpu.h>

namespace etrt::test {
namespace {

using support::is_ok;
using support::must;

/// A device of its own, under a driver whose calls can be made to fail.
class Cleanup : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(driver().cuInit(0), is_ok());
    native_.emplace(must(cuda::Device::open(driver(), 0, true)));
    device.emplace(*native_);
  }

  const cuda::Driver& driver() const { return decorated_.table(); }
  std::size_t allocations() const { return gpu_.live_allocations(); }
  CUcontext primary() const { return native_->primary; }

  /// Leaves the green context of a partition current that has ended.
  void end_the_current_partition() {
    const auto partition = must(Partition::create(*device, 1));
    CUcontext context = nullptr;
    ASSERT_THAT(driver().cuCtxFromGreenCtx(&context, partition.get()), is_ok());
    ASSERT_THAT(driver().cuCtxSetCurrent(context), is_ok());
  }

  support::FaultInjector faults;
  std::optional<Device> device;

 private:
  static vgpu::Config config() {
    vgpu::Config config;
    config.sm_count = 4;
    config.memory_bytes = std::size_t{16} << 20;
    return config;
  }

  vgpu::VirtualGpu gpu_{config()};
  cuda::DecoratedDriver decorated_{gpu_.driver(), faults};
  std::optional<cuda::Device> native_;
};

TEST_F(Cleanup, ABufferIsFreedWhicheverCallBeforeItFailsOnce) {
  for (const bool pinned : {false, true}) {
    // One way with a context that is current, one with none.
    for (const CUcontext current : {primary(), CUcontext{}}) {
      for (const auto symbol :
           {cuda::Symbol::k_cuCtxGetCurrent, cuda::Symbol::k_cuCtxPushCurrent, cuda::Symbol::k_cuCtxPopCurrent}) {
        {
          const auto buffer = must(pinned ? Buffer::pinned(*device, 64) : Buffer::on_device(*device, 64));
          ASSERT_THAT(driver().cuCtxSetCurrent(current), is_ok());
          faults.fail(symbol, 1, CUDA_ERROR_UNKNOWN);
        }
        faults.clear();
        EXPECT_EQ(allocations(), 0u) << cuda::name(symbol);
        while (driver().cuCtxPopCurrent(nullptr) == CUDA_SUCCESS) continue;
      }
    }
  }
}

TEST_F(Cleanup, BuffersThatEndAfterTheCurrentPartitionAreFreed) {
  {
    const auto on_device = must(Buffer::on_device(*device, 64));
    const auto pinned = must(Buffer::pinned(*device, 64));
    end_the_current_partition();
  }
  EXPECT_EQ(allocations(), 0u);
}

TEST_F(Cleanup, APartitionThatEndsWhileItIsCurrentDisablesNothing) {
  const auto stream = must(Stream::create(*device));
  end_the_current_partition();
  EXPECT_THAT(stream.synchronize(), is_ok());
  EXPECT_THAT(stream.is_done(), is_ok());
  EXPECT_THAT(device->synchronize(), is_ok());
  EXPECT_THAT(device->partition_limits(), is_ok());
  EXPECT_THAT(Stream::create(*device), is_ok());
  EXPECT_THAT(Partition::create(*device, 2), is_ok());
  auto event = Event::create(*device);
  ASSERT_THAT(event, is_ok());
  EXPECT_THAT(event->record(stream.get()), is_ok());
  EXPECT_THAT(event->synchronize(), is_ok());
  EXPECT_THAT(stream.wait(event->get()), is_ok());
  auto buffer = Buffer::on_device(*device, 64);
  ASSERT_THAT(buffer, is_ok());
  const char bytes[64] = {};
  EXPECT_THAT(buffer->copy_from_host(bytes, sizeof(bytes), stream.get()), is_ok());
  EXPECT_THAT(stream.synchronize(), is_ok());
  EXPECT_THAT(device->make_current(), is_ok());
}

}  // namespace
}  // namespace etrt::test
