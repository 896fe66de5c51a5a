// Outputs that share an input's memory: the engine updates it in place (KV caches, TR02).

#include <delegate_fixture.h>

namespace etrt::test {
namespace {

class Aliases : public DelegateTest {
 protected:
  std::unique_ptr<delegate::Handle> load_aliased() const {
    return must(try_load(blob_of(KernelPlan::fixed(1, {8}), {{"out0", "in0", "kv_cache_update"}})));
  }
};
ETRT_ON_EVERY_DEVICE(Aliases);

using Values = std::vector<std::int32_t>;

TEST_P(Aliases, UpdateTheInputInPlaceAndFillTheOutput) {
  const auto handle = load_aliased();
  DeviceTensor cache(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  for (int i = 1; i <= 3; ++i) {
    ASSERT_THAT(execute(*handle, cache.tensor, out.tensor), is_ok());
    EXPECT_EQ(cache.read(), Values(8, 5 + i));
    EXPECT_EQ(out.read(), Values(8, 5 + i));
  }
}

TEST_P(Aliases, CopyNothingWhereInputAndOutputAreTheSameMemory) {
  const auto handle = load_aliased();
  DeviceTensor cache(device(), {8}, 5);
  TestTensor out({8}, cache.buffer.data());
  const auto copies = calls(Symbol::k_cuMemcpyDtoDAsync);
  ASSERT_THAT(execute(*handle, cache.tensor, out), is_ok());
  EXPECT_EQ(calls(Symbol::k_cuMemcpyDtoDAsync), copies);
  EXPECT_EQ(cache.read(), Values(8, 6));
}

TEST_P(Aliases, OfHostMemoryUpdateTheHostsCopy) {
  const auto handle = load_aliased();
  HostTensor cache({8}, 5);
  HostTensor out({8}, 0);
  ASSERT_THAT(execute(*handle, cache.tensor, out.tensor), is_ok());
  EXPECT_EQ(cache.values, Values(8, 6));
  EXPECT_EQ(out.values, Values(8, 6));
}

TEST_P(Aliases, OfAHostInputAndADeviceOutputAreReadyOnReturn) {
  const auto handle = load_aliased();
  HostTensor cache({8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, cache.tensor, out.tensor), is_ok());
  EXPECT_EQ(cache.values, Values(8, 6)) << "a result on the host is ready on return";
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Aliases, OfAnotherShapeAreRefused) {
  KernelPlan plan = KernelPlan::fixed(1, {64});
  plan.inputs.push_back({"small", {2}, {2}});
  const auto handle = try_load(blob_of(plan, {{"out0", "small", "kv_cache_update"}}));
  ASSERT_THAT(handle, fails_with(ErrorCode::kInvalidData));
  EXPECT_NE(handle.error().message().find("'small'"), std::string::npos) << handle.error().message();
}

TEST_P(Aliases, WhoseShapesPartInACallAreRefusedBeforeAnythingIsEnqueued) {
  KernelPlan plan = KernelPlan::dynamic(1, 16);
  plan.inputs.push_back({"cache", {1, 4}, {16, 4}});
  const auto handle = must(try_load(blob_of(plan, {{"out0", "cache", "kv_cache_update"}})));
  DeviceTensor in(device(), {16, 4}, 5);
  DeviceTensor cache(device(), {2, 4}, 9);
  DeviceTensor out(device(), {16, 4}, 0);
  const auto launches = calls(Symbol::k_cuLaunchKernel);
  EXPECT_THAT(execute(*handle, {in.tensor.value(), cache.tensor.value(), out.tensor.value()}),
              fails_with(ErrorCode::kInvalidData));
  EXPECT_EQ(calls(Symbol::k_cuLaunchKernel), launches);
  EXPECT_EQ(cache.read(), Values(8, 9));
}

}  // namespace
}  // namespace etrt::test
