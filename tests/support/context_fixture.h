#pragma once

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include <support/buffers.h>
#include <support/gate.h>
#include <support/kernel_library.h>
#include <support/matchers.h>
#include <support/must.h>
#include <support/partition.h>
#include <support/provider.h>

namespace etrt::support {

/// A test with device 0's primary context current and the kernel library loaded, on the provider that is the test's
/// parameter. Derive a suite of one's own and instantiate it with ETRT_ON_EVERY_PROVIDER.
/// At the end the test must have put the current context back, freed what it allocated, and made no mistake of stream
/// ordering that it did not announce by `expect_order_reports`.
class ContextFixture : public ::testing::TestWithParam<ProviderInfo> {
 protected:
  void SetUp() override;
  void TearDown() override;

  const cuda::Driver& driver() const { return provider_->driver(); }
  Provider& provider() const { return *provider_; }
  CUdevice device() const { return 0; }
  CUcontext primary() const { return primary_; }
  const KernelLibrary& kernels() const { return *kernels_; }

  cuda::Stream create_stream(unsigned flags = CU_STREAM_NON_BLOCKING) const {
    return must(cuda::create_stream(driver(), flags));
  }
  cuda::Event create_event(unsigned flags = CU_EVENT_DISABLE_TIMING) const {
    return must(cuda::create_event(driver(), flags));
  }
  DeviceBuffer create_buffer(std::uint32_t count = 1024) const { return DeviceBuffer(driver(), count); }
  PinnedBuffer create_pinned(std::uint32_t count = 1024) const { return PinnedBuffer(driver(), count); }

  /// Freezes `stream` here, see `Gate`. Declare the gate after the buffers of the test.
  [[nodiscard]] Gate close_gate(CUstream stream) const { return Gate(*gates_, stream); }

  CUresult synchronize(const cuda::Stream& stream) const { return driver().cuStreamSynchronize(stream.get()); }

  /// Gives work that should be standing still time to show that it does not. It can let a mistake pass unseen, never
  /// fail a correct provider.
  void give_others_a_chance();

  /// The SMs that a grid uses on `stream`. Waits for the stream.
  std::set<std::uint32_t> sms_used_on(CUstream stream) const;

  CUcontext current() const;

  /// The test makes a mistake of stream ordering on purpose.
  void expect_order_reports() { order_reports_expected_ = true; }

  /// Skips the test, and returns false, where the driver cannot make partitions.
  bool partitions_supported() const;

 private:
  void check_what_is_left();

  std::unique_ptr<Provider> provider_;
  CUcontext primary_ = nullptr;
  std::optional<KernelLibrary> kernels_;
  std::unique_ptr<GateKeeper> gates_;
  std::optional<cuda::Stream> chance_;
  bool order_reports_expected_ = false;
};

}  // namespace etrt::support
