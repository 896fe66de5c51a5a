// The contract, row by row: when execute() returns, what is ready, and what waits for what.

#include <delegate_fixture.h>
#include <stdexcept>

namespace etrt::test {
namespace {

class Contract : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(Contract);

using Values = std::vector<std::int32_t>;

TEST_P(Contract, WithoutAGuardResultsAreReadyOnReturn) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, WithAGuardAndDeviceMemoryExecuteReturnsWithTheWorkInFlight) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    const auto waits = host_waits();
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_EQ(host_waits(), waits);
  }
  EXPECT_FALSE(must(stream.is_done()));
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, WithAGuardAndHostOutputsResultsAreReadyOnReturn) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  HostTensor out({8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.values, Values(8, 6));
}

TEST_P(Contract, HostInputsMayBeOverwrittenAsSoonAsExecuteReturns) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 5);
  DeviceTensor out(device(), {8}, 0);
  DeviceTensor warm(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, warm.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  auto gate = close_gate(stream);
  const auto waits = host_waits();
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(host_waits(), waits) << "staging host inputs made the host wait";
  in.values.assign(8, 99);
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, PinnedInputsMayBeOverwrittenAsSoonAsExecuteReturns) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  Buffer pinned = must(Buffer::pinned(device(), 8 * sizeof(std::int32_t)));
  auto* values = static_cast<std::int32_t*>(pinned.data());
  std::fill_n(values, 8, 5);
  TestTensor in({8}, values);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  auto gate = close_gate(stream);
  ASSERT_THAT(execute(*handle, in, out.tensor), is_ok());
  std::fill_n(values, 8, 99);
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, PinnedOutputsAreReadyOnReturn) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  Buffer pinned = must(Buffer::pinned(device(), 8 * sizeof(std::int32_t)));
  auto* values = static_cast<std::int32_t*>(pinned.data());
  std::fill_n(values, 8, 0);
  HostTensor in({8}, 5);
  TestTensor out({8}, values);
  ASSERT_THAT(execute(*handle, in.tensor, out), is_ok());
  EXPECT_EQ(Values(values, values + 8), Values(8, 6));
}

TEST_P(Contract, WithoutAGuardHostMemoryWorksOnBothSides) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 5);
  HostTensor out({8}, 0);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.values, Values(8, 6));
}

TEST_P(Contract, TheInnermostGuardCounts) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream outer = create_stream();
  const Stream inner = create_stream();
  const StreamGuard outer_guard(outer.get());
  auto gate = close_gate(inner);
  {
    const StreamGuard inner_guard(inner.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  EXPECT_EQ(StreamGuard::current(), outer.get());
  EXPECT_THAT(outer.synchronize(), is_ok());
  EXPECT_FALSE(must(inner.is_done())) << "the work did not go to the inner guard's stream";
  gate.open();
  ASSERT_THAT(inner.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, AnExceptionRestoresTheOuterGuard) {
  const Stream outer = create_stream();
  const Stream inner = create_stream();
  const StreamGuard guard(outer.get());
  try {
    const StreamGuard nested(inner.get());
    throw std::runtime_error("on the way out");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(StreamGuard::current(), outer.get());
}

TEST_P(Contract, AGuardActsOnItsOwnThreadAlone) {
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  std::optional<cudaStream_t> elsewhere = stream.get();
  std::thread([&] { elsewhere = StreamGuard::current(); }).join();
  EXPECT_EQ(elsewhere, std::nullopt);
  EXPECT_EQ(StreamGuard::current(), stream.get());
}

TEST_P(Contract, UnderAGreenContextWithoutAGuardNothingIsEnqueued) {
  const auto limits = device().partition_limits();
  if (!limits.ok()) GTEST_SKIP() << limits.error().message();
  const auto handle = load(KernelPlan::fixed(1, {8}));
  const auto partition = must(Partition::create(device(), limits->minimum));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  CUcontext green = nullptr;
  ASSERT_THAT(driver().cuCtxFromGreenCtx(&green, partition.get()), is_ok());
  {
    const auto scope = must(cuda::CurrentContext::push(driver(), green));
    const auto launches = calls(Symbol::k_cuLaunchKernel);
    const Status status = execute(*handle, in.tensor, out.tensor);
    ASSERT_THAT(status, fails_with(ErrorCode::kInvalidState));
    EXPECT_NE(status.error().message().find("StreamGuard"), std::string::npos) << "the remedy is not named";
    EXPECT_EQ(calls(Symbol::k_cuLaunchKernel), launches);
  }
  EXPECT_EQ(out.read(), Values(8, 0));
}

TEST_P(Contract, ACurrentGreenContextIsLeftAlone) {
  const auto limits = device().partition_limits();
  if (!limits.ok()) GTEST_SKIP() << limits.error().message();
  const auto partition = must(Partition::create(device(), limits->minimum));
  const Stream stream = must(partition.create_stream());
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  CUcontext green = nullptr;
  ASSERT_THAT(driver().cuCtxFromGreenCtx(&green, partition.get()), is_ok());
  const auto scope = must(cuda::CurrentContext::push(driver(), green));
  const auto expect_green = [&](const char* when) {
    CUcontext current = nullptr;
    ASSERT_THAT(driver().cuCtxGetCurrent(&current), is_ok());
    EXPECT_EQ(current, green) << when;
  };
  auto handle = load(KernelPlan::fixed(1, {8}));
  expect_green("after init");
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  expect_green("after execute");
  ASSERT_THAT(stream.synchronize(), is_ok());
  handle.reset();
  expect_green("after destroy");
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, AThreadWithoutAContextGetsNoneLeftBehind) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  CUcontext left = device().native().primary;
  std::thread([&] {
    EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_THAT(driver().cuCtxGetCurrent(&left), is_ok());
  }).join();
  EXPECT_EQ(left, nullptr);
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, AStreamThatNoDeviceKnowsIsRefusedBeforeAnythingIsEnqueued) {
  if (!device().is_virtual()) GTEST_SKIP() << "a made-up handle is undefined behaviour for libcuda";
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  int not_a_stream = 0;
  const StreamGuard guard(reinterpret_cast<cudaStream_t>(&not_a_stream));
  const auto launches = calls(Symbol::k_cuLaunchKernel);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kInvalidArgument));
  EXPECT_EQ(calls(Symbol::k_cuLaunchKernel), launches);
}

TEST_P(Contract, AStreamOfAnotherDeviceIsRefusedBeforeAnythingIsEnqueued) {
  const auto second = second_device();
  const Device other = second ? *second : must(Device::open("virtual:0"));
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream foreign = must(Stream::create(other));
  const StreamGuard guard(foreign.get());
  const auto launches = calls(Symbol::k_cuLaunchKernel);
  const Status status = execute(*handle, in.tensor, out.tensor);
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(status.error().message().find(other.name()), std::string::npos) << status.error().message();
  EXPECT_EQ(calls(Symbol::k_cuLaunchKernel), launches);
}

TEST_P(Contract, MemoryOfAnotherDeviceIsRefused) {
  const auto other = second_device();
  if (!other) GTEST_SKIP() << "one GPU has no other device's memory";
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(*other, {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Status status = execute(*handle, in.tensor, out.tensor);
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(status.error().message().find("'in0'"), std::string::npos) << status.error().message();
}

TEST_P(Contract, TheDeviceIsSwitchedToAndBackWhenAnotherIsCurrent) {
  const auto other = second_device();
  if (!other) GTEST_SKIP() << "one GPU has no other device to be current";
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const auto scope = must(cuda::CurrentContext::push(driver(), other->native().primary));
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  CUcontext current = nullptr;
  ASSERT_THAT(driver().cuCtxGetCurrent(&current), is_ok());
  EXPECT_EQ(current, other->native().primary);
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, CudasNullStreamCanBeChosen) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  {
    const StreamGuard guard(nullptr);
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  ASSERT_THAT(driver().cuStreamSynchronize(nullptr), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, DestroyWaitsForItsWorkWhenTheStreamIsGoneAlready) {
  auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  std::optional<Stream> stream = create_stream();
  auto gate = close_gate(*stream);
  {
    const StreamGuard guard(stream->get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  stream.reset();
  gate.open();
  handle.reset();
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Contract, DestroyDoesNotWaitForOtherStreams) {
  auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream mine = create_stream();
  const Stream other = create_stream();
  // Unloading an engine's module waits for the whole device, which is the engine's affair, not the handle's.
  const auto engine = handle->engine();
  {
    const StreamGuard guard(mine.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  }
  ASSERT_THAT(mine.synchronize(), is_ok());
  auto gate = close_gate(other);
  handle.reset();
  EXPECT_FALSE(must(other.is_done()));
}

TEST_P(Contract, APartitionsStreamMayOutliveItsPartition) {
  const auto limits = device().partition_limits();
  if (!limits.ok()) GTEST_SKIP() << limits.error().message();
  auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  {
    const auto partition = must(Partition::create(device(), limits->minimum));
    const Stream stream = must(partition.create_stream());
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  handle.reset();
  EXPECT_EQ(out.read(), Values(8, 6));
}

}  // namespace
}  // namespace etrt::test
