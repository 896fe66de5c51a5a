#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <process.h>
#include <string>
#include <test_tensor.h>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <blob/blob.h>
#include <cuda/current_context.h>
#include <cuda/owners.h>
#include <delegate/handle.h>
#include <etrt/buffer.h>
#include <etrt/device.h>
#include <etrt/partition.h>
#include <etrt/stream.h>
#include <etrt/stream_guard.h>
#include <support/gate.h>
#include <support/kernel_engine.h>
#include <support/kernel_library.h>
#include <support/matchers.h>
#include <support/must.h>

namespace etrt::test {

using cuda::Symbol;
using support::fails_with;
using support::is_ok;
using support::KernelPlan;
using support::must;

/// Copies between host and device memory of any kind, before it returns.
void copy_now(const Device& device, void* target, const void* source, std::size_t bytes);

/// Device memory of int32 values and a tensor over it.
struct DeviceTensor {
  DeviceTensor(const Device& owner, std::vector<std::int32_t> sizes, std::int32_t value);

  std::vector<std::int32_t> read() const;

  Device device;
  std::size_t count;
  Buffer buffer;
  TestTensor tensor;
};

/// Pageable host memory of int32 values and a tensor over it.
struct HostTensor {
  HostTensor(std::vector<std::int32_t> sizes, std::int32_t value,
             TensorShapeDynamism dynamism = TensorShapeDynamism::STATIC);

  std::vector<std::int32_t> values;
  TestTensor tensor;
};

/// A test of the delegate on one device, the test's parameter: "virtual:0" or "cuda:0". The primary context is current
/// on the test's thread. At the end nothing may be left current, leaked, or found by the order checker.
class DelegateTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override;
  void TearDown() override;

  const Device& device() const { return *device_; }
  const cuda::Driver& driver() const { return device_->native().driver; }

  /// Another device of the same kind, where there is one: the virtual GPU has two.
  std::optional<Device> second_device() const;

  std::vector<std::byte> blob_of(const KernelPlan& plan, const std::vector<blob::AliasedIo>& aliases = {}) const;
  Result<std::unique_ptr<delegate::Handle>> try_load(const std::vector<std::byte>& blob,
                                                     delegate::Options options = {}) const;
  std::unique_ptr<delegate::Handle> load(const KernelPlan& plan, int max_inflight = 4) const;
  std::unique_ptr<delegate::Handle> load(const KernelPlan& plan, delegate::GraphMode mode) const;

  static Status execute(delegate::Handle& handle, std::vector<EValue*> arguments);
  static Status execute(delegate::Handle& handle, TestTensor& input, TestTensor& output) {
    return execute(handle, {input.value(), output.value()});
  }
  /// Executes with a guard on `stream`; the call may be in flight on return.
  static void run_on(const Stream& stream, delegate::Handle& handle, DeviceTensor& in, DeviceTensor& out) {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
  }

  const support::KernelLibrary& kernels() const { return *kernels_; }

  Stream create_stream() const { return must(Stream::create(*device_)); }
  [[nodiscard]] support::Gate close_gate(const Stream& stream) const { return {*gates_, stream.get()}; }

  void begin_capture(const Stream& stream) const;
  cuda::Graph end_capture(const Stream& stream) const;
  /// What `body` enqueues on the stream, as a graph that can be launched.
  cuda::GraphExec capture(const Stream& stream, const std::function<void()>& body) const;

  std::uint64_t calls(Symbol symbol) const { return hook().counter.count(symbol); }
  std::uint64_t host_waits() const {
    return calls(Symbol::k_cuStreamSynchronize) + calls(Symbol::k_cuEventSynchronize) +
           calls(Symbol::k_cuCtxSynchronize);
  }

  /// What nobody has freed or destroyed yet.
  struct Held {
    std::size_t allocations;
    std::size_t handles;
  };
  static Held held_by_virtual_gpu();

  /// The test plants a mistake that the order checker is meant to find.
  void expect_order_reports() { order_reports_expected_ = true; }

  /// The test has a program abandoned, whose engine and contexts stay.
  void expect_abandoned_programs() { abandons_expected_ = true; }

 private:
  std::optional<Device> device_;
  std::optional<support::KernelLibrary> kernels_;
  std::unique_ptr<support::GateKeeper> gates_;
  std::optional<support::KernelEngineCounts> before_;
  bool order_reports_expected_ = false;
  bool abandons_expected_ = false;
};

}  // namespace etrt::test

/// Runs the suite, a DelegateTest, on the virtual GPU and on a GPU.
#define ETRT_ON_EVERY_DEVICE(suite)                        \
  INSTANTIATE_TEST_SUITE_P(                                \
      On, suite, ::testing::Values("virtual:0", "cuda:0"), \
      [](const ::testing::TestParamInfo<std::string>& info) { return info.param.substr(0, info.param.find(':')); })
