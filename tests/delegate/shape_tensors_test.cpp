// Inputs and outputs whose values the engine reads and writes on the host, and outputs whose shape it learns only when
// it runs.

#include <delegate_fixture.h>

#include <blob/blob_writer.h>

namespace etrt::test {
namespace {

using Values = std::vector<std::int32_t>;

/// An input of [8, 4], a shape tensor of two values that are added, one output.
KernelPlan with_shape_tensor() {
  KernelPlan plan;
  plan.inputs = {{"in0", {1, 4}, {8, 4}}, {"extent", {2}, {2}, true}};
  plan.outputs = {{"out0", 0, 1}};
  return plan;
}

class ShapeTensors : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(ShapeTensors);

TEST_P(ShapeTensors, AreReadOnTheHostAtEachCall) {
  const auto handle = load(with_shape_tensor());
  DeviceTensor in(device(), {2, 4}, 5);
  HostTensor extent({2}, 10);
  DeviceTensor out(device(), {2, 4}, 0);
  ASSERT_THAT(execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()}), is_ok());
  EXPECT_EQ(out.read(), Values(8, 5 + 20 + 1));
  extent.values = {1, 2};
  ASSERT_THAT(execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()}), is_ok());
  EXPECT_EQ(out.read(), Values(8, 5 + 3 + 1));
}

TEST_P(ShapeTensors, MayBeOverwrittenAsSoonAsExecuteReturns) {
  const auto handle = load(with_shape_tensor());
  DeviceTensor in(device(), {2, 4}, 5);
  HostTensor extent({2}, 10);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()}), is_ok());
  }
  extent.values = {-1, -1};
  gate.open();
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 26));
}

TEST_P(ShapeTensors, OfTheSameValuesCostNoNewShapes) {
  const auto handle = load(with_shape_tensor());
  DeviceTensor in(device(), {2, 4}, 5);
  HostTensor extent({2}, 10);
  HostTensor same({2}, 10);
  DeviceTensor out(device(), {2, 4}, 0);
  ASSERT_THAT(execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()}), is_ok());
  const auto resolves = support::kernel_engine_counts().resolves;
  ASSERT_THAT(execute(*handle, {in.tensor.value(), same.tensor.value(), out.tensor.value()}), is_ok());
  EXPECT_EQ(support::kernel_engine_counts().resolves, resolves);
}

TEST_P(ShapeTensors, OnTheDeviceAreRefusedByName) {
  const auto handle = load(with_shape_tensor());
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor extent(device(), {2}, 10);
  DeviceTensor out(device(), {2, 4}, 0);
  const Status status = execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()});
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(status.error().message().find("'extent'"), std::string::npos) << status.error().message();
}

TEST_P(ShapeTensors, ThatAreOutputsAreReadyOnReturn) {
  KernelPlan plan = KernelPlan::dynamic(1, 8);
  plan.outputs.push_back({.name = "shape", .of = 0, .add = 0, .on_host = true});
  const auto handle = load(plan);
  DeviceTensor in(device(), {3, 4}, 5);
  DeviceTensor out(device(), {3, 4}, 0);
  HostTensor shape({2}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, {in.tensor.value(), out.tensor.value(), shape.tensor.value()}), is_ok());
  EXPECT_EQ(shape.values, (Values{3, 4}));
  EXPECT_EQ(out.read(), Values(12, 6));
}

/// As `with_shape_tensor`, and the output has as many rows as the shape tensor's first value says.
KernelPlan with_data_dependent_output() {
  KernelPlan plan = with_shape_tensor();
  plan.outputs = {{.name = "out0", .of = 0, .add = 1, .data_dependent = true}};
  return plan;
}

class DataDependentOutputs : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(DataDependentOutputs);

/// A device tensor that may be resized, up to its first shape.
struct ResizableDeviceTensor {
  ResizableDeviceTensor(const Device& owner, std::vector<std::int32_t> sizes)
      : memory(owner, sizes, 0),
        tensor(std::move(sizes), memory.buffer.data(),
               TestTensor::Kind{.type = ScalarType::Int, .dynamism = TensorShapeDynamism::DYNAMIC_BOUND}) {}

  DeviceTensor memory;
  TestTensor tensor;
};

TEST_P(DataDependentOutputs, GetTheShapeThatTheEngineFound) {
  const auto handle = load(with_data_dependent_output());
  DeviceTensor in(device(), {8, 4}, 5);
  HostTensor extent({2}, 0);
  ResizableDeviceTensor out(device(), {8, 4});
  for (const std::int32_t rows : {3, 8, 0, 5}) {
    extent.values = {rows, 0};
    ASSERT_THAT(execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()}), is_ok());
    EXPECT_EQ(out.tensor.sizes(), (Values{rows, 4}));
    const Values all = out.memory.read();
    EXPECT_TRUE(std::all_of(all.begin(), all.begin() + rows * 4, [&](int value) { return value == 6 + rows; }));
  }
}

TEST_P(DataDependentOutputs, OnTheHostAreReadyOnReturn) {
  const auto handle = load(with_data_dependent_output());
  HostTensor in({8, 4}, 5);
  HostTensor extent({2}, 0);
  HostTensor out({8, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  extent.values = {3, 0};
  ASSERT_THAT(execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()}), is_ok());
  EXPECT_EQ(out.tensor.sizes(), (Values{3, 4}));
  Values expected(32, 0);
  std::fill_n(expected.begin(), 12, 9);
  EXPECT_EQ(out.values, expected);
}

TEST_P(DataDependentOutputs, LargerThanTheProgramsBoundAreRefusedAndTheNextCallRuns) {
  const auto handle = load(with_data_dependent_output());
  DeviceTensor in(device(), {8, 4}, 5);
  HostTensor extent({2}, 0);
  ResizableDeviceTensor out(device(), {8, 4});
  extent.values = {9, 0};
  const Status status = execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()});
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(status.error().message().find("'out0' cannot be resized from [8, 4] to [9, 4]"), std::string::npos)
      << status.error().message();
  extent.values = {2, 0};
  EXPECT_THAT(execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()}), is_ok());
  EXPECT_EQ(out.tensor.sizes(), (Values{2, 4}));
}

TEST_P(DataDependentOutputs, AreRefusedInACaptureThatStaysValid) {
  const auto handle = load(with_data_dependent_output());
  DeviceTensor in(device(), {8, 4}, 5);
  HostTensor extent({2}, 1);
  ResizableDeviceTensor out(device(), {8, 4});
  const Stream stream = create_stream();
  const auto call = [&] {
    const StreamGuard guard(stream.get());
    return execute(*handle, {in.tensor.value(), extent.tensor.value(), out.tensor.value()});
  };
  ASSERT_THAT(call(), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  begin_capture(stream);
  EXPECT_THAT(call(), fails_with(ErrorCode::kInvalidState));
  end_capture(stream);
}

TEST_P(DataDependentOutputs, WithoutABoundInBlobAndEngineAreRefusedByName) {
  const auto load_with_rows = [&](std::int32_t rows) {
    KernelPlan plan = with_data_dependent_output();
    plan.inputs[0].maximum = {rows, 4};
    blob::Metadata metadata;
    metadata.io_bindings = {
        {.name = "in0", .is_input = true}, {.name = "extent", .is_input = true}, {.name = "out0", .is_input = false}};
    const auto bytes = plan.serialize();
    const blob::Payload payload{support::kKernelEngineKind, "anywhere", bytes};
    return try_load(must(blob::write_blob(metadata, {}, {&payload, 1})));
  };
  EXPECT_THAT(load_with_rows(8), is_ok());
  const auto handle = load_with_rows(INT32_MAX);
  ASSERT_THAT(handle, fails_with(ErrorCode::kInvalidData));
  EXPECT_NE(handle.error().message().find("'out0'"), std::string::npos) << handle.error().message();
}

}  // namespace
}  // namespace etrt::test
