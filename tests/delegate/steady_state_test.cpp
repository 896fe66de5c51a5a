// What a call costs once shapes and addresses repeat, counted.

#include <delegate_fixture.h>

namespace etrt::test {
namespace {

class SteadyState : public DelegateTest {
 protected:
  struct Cost {
    std::uint64_t total;
    std::uint64_t launches;
    std::uint64_t records;
    std::uint64_t context_checks;
    std::uint64_t capture_checks;
    std::uint64_t pointer_queries;
    std::uint64_t binds;
  };

  /// The driver calls of one guarded call after two that warmed it up.
  Cost cost_of_one_call(std::size_t tensors, DeviceType label) {
    const auto handle = load(KernelPlan::fixed(tensors, {16}));
    std::vector<std::unique_ptr<DeviceTensor>> memory;
    std::vector<std::unique_ptr<TestTensor>> labelled;
    std::vector<EValue*> arguments;
    for (std::size_t i = 0; i < 2 * tensors; ++i) {
      memory.push_back(std::make_unique<DeviceTensor>(device(), std::vector<std::int32_t>{16}, 1));
      labelled.push_back(std::make_unique<TestTensor>(std::vector<std::int32_t>{16}, memory.back()->buffer.data(),
                                                      TestTensor::Kind{.device = label}));
      arguments.push_back(labelled.back()->value());
    }
    const Stream stream = create_stream();
    const StreamGuard guard(stream.get());
    for (int i = 0; i < 2; ++i) EXPECT_THAT(execute(*handle, arguments), is_ok());
    const auto binds = support::kernel_engine_counts().binds;
    hook().counter.reset();
    EXPECT_THAT(execute(*handle, arguments), is_ok());
    const Cost cost{hook().counter.total(),
                    calls(Symbol::k_cuLaunchKernel),
                    calls(Symbol::k_cuEventRecord),
                    calls(Symbol::k_cuCtxGetCurrent),
                    calls(Symbol::k_cuStreamIsCapturing),
                    calls(Symbol::k_cuPointerGetAttributes),
                    support::kernel_engine_counts().binds - binds};
    EXPECT_THAT(stream.synchronize(), is_ok());
    return cost;
  }
};
ETRT_ON_EVERY_DEVICE(SteadyState);

TEST_P(SteadyState, ACallIsTheEnqueueOneRecordAndOneCheckEachOfContextAndCapture) {
  for (const std::size_t tensors : {1u, 8u}) {
    const Cost cost = cost_of_one_call(tensors, DeviceType::CUDA);
    EXPECT_EQ(cost.records, 1u);
    EXPECT_EQ(cost.context_checks, 1u);
    EXPECT_EQ(cost.capture_checks, 1u);
    EXPECT_EQ(cost.pointer_queries, 0u) << "ExecuTorch tells where these tensors are";
    EXPECT_EQ(cost.total, cost.launches + 3) << tensors << " tensors";
    EXPECT_EQ(cost.binds, 0u);
  }
}

TEST_P(SteadyState, TensorsThatExecuTorchDoesNotLabelCostOnePointerQueryEach) {
  for (const std::size_t tensors : {1u, 8u}) {
    const Cost cost = cost_of_one_call(tensors, DeviceType::CPU);
    EXPECT_EQ(cost.pointer_queries, 2 * tensors);
    EXPECT_EQ(cost.total, cost.launches + 3 + 2 * tensors);
    EXPECT_EQ(cost.binds, 0u);
  }
}

TEST_P(SteadyState, AChangedAddressIsBoundAgainAndNoOther) {
  const auto handle = load(KernelPlan::fixed(2, {16}));
  DeviceTensor in0(device(), {16}, 1), in1(device(), {16}, 2), out0(device(), {16}, 0), out1(device(), {16}, 0);
  DeviceTensor moved(device(), {16}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, {in0.tensor.value(), in1.tensor.value(), out0.tensor.value(), out1.tensor.value()}),
              is_ok());
  const auto binds = support::kernel_engine_counts().binds;
  ASSERT_THAT(execute(*handle, {in0.tensor.value(), in1.tensor.value(), out0.tensor.value(), moved.tensor.value()}),
              is_ok());
  EXPECT_EQ(support::kernel_engine_counts().binds, binds + 1);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(moved.read(), std::vector<std::int32_t>(16, 4));
}

TEST_P(SteadyState, StagingAllocatesNothingOnceWarm) {
  const auto handle = load(KernelPlan::dynamic(1, 16));
  HostTensor in({16, 4}, 1);
  HostTensor out({16, 4}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  for (int i = 0; i < 2; ++i) ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  hook().counter.reset();
  for (int i = 0; i < 8; ++i) ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  for (const Symbol symbol : {Symbol::k_cuMemAlloc, Symbol::k_cuMemAllocAsync, Symbol::k_cuMemHostAlloc,
                              Symbol::k_cuMemFree, Symbol::k_cuMemFreeAsync, Symbol::k_cuMemFreeHost}) {
    EXPECT_EQ(calls(symbol), 0u) << cuda::name(symbol);
  }
}

}  // namespace
}  // namespace etrt::test
