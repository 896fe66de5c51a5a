// The TensorRT engine as the delegate runs it: one pass through each of its abilities, from the blob to the results.
#include <algorithm>
#include <set>
#include <tensorrt/tensorrt_delegate_fixture.h>

namespace etrt::test {
namespace {

using engine::tensorrt::fixed_plan;
using engine::tensorrt::kFakeLibrary;
using engine::tensorrt::open_plan;
using engine::tensorrt::state_of;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

using Values = std::vector<std::int32_t>;

ETRT_ON_EVERY_DEVICE(TensorRtDelegate);

TEST_P(TensorRtDelegate, RunsOnTheCallersStreamWithoutAHostWait) {
  auto plan = fixed_plan({8, 4});
  plan.memory_per_element = 4;
  const auto handle = load(plan);
  DeviceTensor in(device(), {8, 4}, 41);
  DeviceTensor out(device(), {8, 4}, 0);
  const auto stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  const auto waits = host_waits();
  const int addresses = state_of(kFakeLibrary).addresses_set;
  for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(host_waits(), waits);
  EXPECT_EQ(state_of(kFakeLibrary).addresses_set, addresses);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_THAT(out.read(), Each(42));
}

TEST_P(TensorRtDelegate, GivesScratchMemoryForEveryShape) {
  auto plan = open_plan({{{1, 4}, {8, 4}}, {{9, 4}, {64, 4}}});
  plan.memory_per_element = 4;
  const auto handle = load(plan);
  for (const std::int32_t rows : {2, 64, 3, 9}) {
    HostTensor in({rows, 4}, 41);
    HostTensor out({64, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_EQ(out.tensor.sizes(), (Values{rows, 4}));
    EXPECT_EQ(Values(out.values.begin(), out.values.begin() + 4 * rows), Values(4 * rows, 42));
  }
}

TEST_P(TensorRtDelegate, HonoursAPinnedProfile) {
  delegate::Options options;
  options.optimization_profile = 1;
  const auto handle = must(try_load(open_plan({{{1, 4}, {8, 4}}, {{9, 4}, {64, 4}}}), options));
  HostTensor few({2, 4}, 41);
  HostTensor many({64, 4}, 41);
  HostTensor out({64, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  EXPECT_THAT(execute(*handle, few.tensor, out.tensor),
              engine::tensorrt::fails_with(ErrorCode::kInvalidArgument, HasSubstr("pinned optimization_profile 1")));
  EXPECT_THAT(execute(*handle, many.tensor, out.tensor), is_ok());
}

TEST_P(TensorRtDelegate, UpdatesAnAliasedInputInPlace) {
  auto plan = fixed_plan({8});
  plan.outputs[0].alias = "x";
  const auto handle = load(plan);
  DeviceTensor cache(device(), {8}, 41);
  TestTensor same({8}, cache.buffer.data());
  ASSERT_THAT(execute(*handle, {cache.tensor.value(), same.value()}), is_ok());
  EXPECT_THAT(cache.read(), Each(42));
}

TEST_P(TensorRtDelegate, ResizesADataDependentOutput) {
  auto plan = fixed_plan({16});
  plan.outputs[0].data_elements = 5;
  const auto handle = load(plan);
  HostTensor in({16}, 41);
  HostTensor out({16}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.tensor.sizes(), Values{5});
  EXPECT_EQ(Values(out.values.begin(), out.values.begin() + 6), (Values{42, 42, 42, 42, 42, 0}));
}

TEST_P(TensorRtDelegate, ADataDependentOutputMayAskForMoreMemoryThanItsShapeTakes) {
  auto plan = fixed_plan({16});
  plan.outputs[0].data_elements = 5;
  plan.outputs[0].asks_extra = 512;
  const auto handle = load(plan);
  HostTensor in({16}, 41);
  const Values expected{42, 42, 42, 42, 42, 0};
  HostTensor on_host({16}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  ASSERT_THAT(execute(*handle, in.tensor, on_host.tensor), is_ok());
  EXPECT_EQ(on_host.tensor.sizes(), Values{5});
  EXPECT_EQ(Values(on_host.values.begin(), on_host.values.begin() + 6), expected);

  DeviceTensor memory(device(), {16}, 0);
  TestTensor on_device({16}, memory.buffer.data(),
                       TestTensor::Kind{.type = ScalarType::Int, .dynamism = TensorShapeDynamism::DYNAMIC_BOUND});
  ASSERT_THAT(execute(*handle, in.tensor, on_device), is_ok());
  EXPECT_EQ(on_device.sizes(), Values{5});
  const Values result = memory.read();
  EXPECT_EQ(Values(result.begin(), result.begin() + 6), expected);
}

TEST_P(TensorRtDelegate, ADataDependentOutputMayBeOfMemoryThatTensorRtWouldRefuse) {
  auto plan = fixed_plan({16});
  plan.outputs[0].data_elements = 5;
  const auto handle = load(plan);
  HostTensor in({16}, 41);
  DeviceTensor memory(device(), {17}, 0);
  // Not aligned to 256 bytes.
  TestTensor out({16}, static_cast<std::int32_t*>(memory.buffer.data()) + 1,
                 TestTensor::Kind{.type = ScalarType::Int, .dynamism = TensorShapeDynamism::DYNAMIC_BOUND});
  ASSERT_THAT(execute(*handle, in.tensor, out), is_ok());
  const Values result = memory.read();
  EXPECT_EQ(Values(result.begin(), result.begin() + 7), (Values{0, 42, 42, 42, 42, 42, 0}));
}

TEST_P(TensorRtDelegate, ADataDependentOutputThatOutgrowsTheProgramsTensorIsRefused) {
  auto plan = fixed_plan({16});
  plan.outputs[0].data_elements = 16;
  const auto handle = load(plan);
  HostTensor in({16}, 41);
  HostTensor out({8}, 7, TensorShapeDynamism::DYNAMIC_BOUND);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor),
              engine::tensorrt::fails_with(ErrorCode::kInvalidArgument, HasSubstr("from [8] to [16]")));
  EXPECT_THAT(out.values, Each(7));
}

TEST_P(TensorRtDelegate, ReadsShapeTensorsFromTheHost) {
  auto plan = fixed_plan({12});
  plan.inputs.push_back({.name = "s", .dims = {2}, .host = true});
  plan.inputs[1].profiles = {{{2}, {2}, {2}, {1, 1}, {12, 12}, {3, 4}}};
  plan.outputs[0].reshaped_by = 1;
  const auto handle = load(plan);
  HostTensor in({12}, 41);
  HostTensor sizes({2}, 0);
  HostTensor out({12, 12}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  for (const auto& [rows, columns] : {std::pair{3, 4}, std::pair{6, 2}}) {
    sizes.values = {rows, columns};
    ASSERT_THAT(execute(*handle, {in.tensor.value(), sizes.tensor.value(), out.tensor.value()}), is_ok());
    EXPECT_EQ(out.tensor.sizes(), (Values{rows, columns}));
    EXPECT_EQ(Values(out.values.begin(), out.values.begin() + 12), Values(12, 42));
  }
}

TEST_P(TensorRtDelegate, KeepsAuxiliaryStreamsInThePartition) {
  auto plan = fixed_plan({256}, 3);
  plan.aux_streams = 2;
  for (auto& output : plan.outputs) output.records_sms = true;
  const auto handle = load(plan);
  const auto limits = must(device().partition_limits());
  const auto partition = must(Partition::create(device(), limits.minimum));
  const auto stream = must(partition.create_stream());
  DeviceTensor in(device(), {256}, 0);
  std::vector<std::unique_ptr<DeviceTensor>> outs;
  std::vector<EValue*> arguments{in.tensor.value()};
  for (int i = 0; i < 3; ++i) {
    outs.push_back(std::make_unique<DeviceTensor>(device(), Values{256}, -1));
    arguments.push_back(outs.back()->tensor.value());
  }
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, arguments), is_ok());
  }
  ASSERT_THAT(stream.synchronize(), is_ok());
  std::set<std::int32_t> sms;
  for (const auto& out : outs) {
    for (const std::int32_t sm : out->read()) sms.insert(sm);
  }
  EXPECT_LE(static_cast<int>(sms.size()), limits.minimum);
  EXPECT_EQ(state_of(kFakeLibrary).own_aux_streams, 0);
}

TEST_P(TensorRtDelegate, HardwareCompatibilityIsThatOfTheEngineInTheMainPlace) {
  blob::Metadata metadata;
  metadata.hardware_compatible = true;
  const auto engine = fixed_plan({8}).serialize();
  const auto other = fixed_plan({9}).serialize();
  // No device has such a compute capability: what is told shows in the reasons.
  const blob::Payload payloads[] = {{kKind, "sm_999", engine}, {kKind, "sm_998", other}};
  const auto bytes = must(blob::write_blob(metadata, engine, payloads));
  delegate::Options options;
  options.engine.tensorrt_library = kFakeLibrary;
  EXPECT_THAT(DelegateTest::try_load(bytes, options),
              engine::tensorrt::fails_with(ErrorCode::kIncompatible,
                                           AllOf(HasSubstr("99.9 and later, "), HasSubstr("99.8, "))));
}

TEST_P(TensorRtDelegate, ARefusedEnqueueReachesTheCallerWithTensorRtsReason) {
  auto plan = fixed_plan({8});
  plan.failure = "enqueue";
  const auto handle = load(plan);
  HostTensor in({8}, 41);
  HostTensor out({8}, 0);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor),
              engine::tensorrt::fails_with(ErrorCode::kDriver, HasSubstr("the GPU said no")));
}

TEST_P(TensorRtDelegate, APlanOfAnotherVersionIsPassedOverWithTheReason) {
  auto plan = fixed_plan({8});
  plan.version = {10, 3, 0, 26};
  EXPECT_THAT(try_load(plan), engine::tensorrt::fails_with(ErrorCode::kIncompatible, HasSubstr("10.3.0.26")));
}

TEST_P(TensorRtDelegate, AnEngineWhoseProfileOneContextMayHaveServesEveryStreamWithIt) {
  auto plan = engine::tensorrt::fixed_plan({64});
  plan.version = {8, 6, 0, 12};
  plan.shares_profiles = false;
  delegate::Options options;
  options.engine.lean_runtime_library = "libnvinfer_lean.so.8";
  const auto handle = must(try_load(plan, options));
  DeviceTensor in(device(), {64}, 41);
  DeviceTensor out(device(), {64}, 0);
  const Stream first = create_stream();
  const Stream second = create_stream();
  {
    const auto gate = close_gate(first);
    run_on(first, *handle, in, out);
    run_on(second, *handle, in, out);
    EXPECT_EQ(handle->slot_count(), 1u);
  }
  ASSERT_THAT(first.synchronize(), is_ok());
  ASSERT_THAT(second.synchronize(), is_ok());
  EXPECT_EQ(out.read(), std::vector<std::int32_t>(64, 42));
}

TEST_P(TensorRtDelegate, AnEmptyTensorNeedsNoMemoryAlsoAtTheFirstCall) {
  const auto handle = load(engine::tensorrt::open_plan({{{0, 4}, {64, 4}}}));
  TestTensor in({0, 4}, nullptr);
  TestTensor out({64, 4}, nullptr, {.dynamism = TensorShapeDynamism::DYNAMIC_BOUND});
  ASSERT_THAT(execute(*handle, in, out), is_ok());
  EXPECT_EQ(out.sizes(), (std::vector<std::int32_t>{0, 4}));
}

TEST_P(TensorRtDelegate, CallsThatComeBackAreGraphs) {
  auto plan = engine::tensorrt::fixed_plan({64});
  plan.aux_streams = 1;
  const auto handle = load(plan);
  auto& state = engine::tensorrt::state_of(engine::tensorrt::kFakeLibrary);
  DeviceTensor in(device(), {64}, 41);
  DeviceTensor out(device(), {64}, 0);
  const Stream stream = create_stream();
  run_on(stream, *handle, in, out);
  run_on(stream, *handle, in, out);
  const int enqueues = state.enqueues;
  const auto launches = calls(Symbol::k_cuGraphLaunch);
  for (int i = 0; i < 3; ++i) run_on(stream, *handle, in, out);
  EXPECT_EQ(state.enqueues, enqueues);
  EXPECT_EQ(calls(Symbol::k_cuGraphLaunch), launches + 3);
  EXPECT_EQ(handle->report().graph_captures, 1u);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), std::vector<std::int32_t>(64, 42));
}

}  // namespace
}  // namespace etrt::test
