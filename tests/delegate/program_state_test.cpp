// Nested programs that keep state from call to call, in buffers of their own.

#include <program_fixture.h>

#include <engine/engine.h>

namespace etrt::test {
namespace {

using Values = std::vector<std::int32_t>;
using support::ProgramSpec;

/// sum = sum + x, over all calls.
ProgramSpec::Method running_sum() {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {4}}, {.sizes = {4}}};
  method.integers = {1};
  method.inputs = {0};
  method.outputs = {1};
  method.steps = {{.op = "aten::add", .args = {1, 0, 2, 1, 1}}};
  return method;
}

/// calls = calls + 1; y = x + calls, for x of up to 8 elements.
ProgramSpec::Method call_counter() {
  ProgramSpec::Method method;
  method.tensors = {{.sizes = {8}, .dynamic = true}, {.sizes = {8}, .dynamic = true}, {.sizes = {1}}};
  method.integers = {1};
  method.inputs = {0};
  method.outputs = {1};
  method.steps = {{.op = "aten::add", .args = {2, 3, 3, 2, 2}, .overload = "Scalar_out"},
                  {.op = "aten::add", .args = {0, 2, 3, 1, 1}}};
  return method;
}

class StatefulProgram : public ProgramEngine {
 protected:
  /// One call with `x` in every element, and the first element of what comes out.
  std::int32_t call(delegate::Handle& handle, std::int32_t x, std::int32_t count = 4) const {
    HostTensor in({count}, x), out({count}, 0);
    EXPECT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
    return out.values[0];
  }

  /// The same with a context alone.
  std::int32_t call(engine::ExecutionContext& context, std::int32_t x) const {
    const Stream stream = create_stream();
    DeviceTensor in(device(), {4}, x), out(device(), {4}, 0);
    EXPECT_THAT(context.resolve_shapes(), is_ok());
    EXPECT_THAT(context.bind(0, reinterpret_cast<std::uint64_t>(in.buffer.data()), in.buffer.size()), is_ok());
    EXPECT_THAT(context.bind(1, reinterpret_cast<std::uint64_t>(out.buffer.data()), out.buffer.size()), is_ok());
    EXPECT_THAT(context.enqueue(stream.get()), is_ok());
    EXPECT_THAT(stream.synchronize(), is_ok());
    return out.read()[0];
  }
};
ETRT_ON_THE_VIRTUAL_GPU(StatefulProgram);

TEST_P(StatefulProgram, IsKnownAsOneThatKeepsState) {
  EXPECT_TRUE(load_method(running_sum())->engine()->keeps_state());
  EXPECT_TRUE(load_method(call_counter())->engine()->keeps_state());
  for (const char* name : {"scalar.pte", "xnnpack_linear.pte", "data_dependent.pte"}) {
    EXPECT_FALSE(load_program(program(name), 1, 1)->engine()->keeps_state()) << name;
  }
}

TEST_P(StatefulProgram, SeesWhatEarlierCallsLeft) {
  const auto handle = load_method(running_sum(), 1);
  EXPECT_EQ(call(*handle, 1), 1);
  EXPECT_EQ(call(*handle, 2), 3);
  EXPECT_EQ(call(*handle, 3), 6);
}

TEST_P(StatefulProgram, HasStateOfItsOwnInEveryHandleOfOneEngine) {
  const auto one = load_method(running_sum(), 1);
  const auto two = load_method(running_sum(), 1);
  ASSERT_EQ(one->engine(), two->engine());
  EXPECT_EQ(call(*one, 1), 1);
  EXPECT_EQ(call(*two, 10), 10);
  EXPECT_EQ(call(*one, 1), 2);
  EXPECT_EQ(call(*two, 10), 20);
}

TEST_P(StatefulProgram, LearnsShapesWithoutTouchingItsState) {
  const auto handle = load_method(call_counter(), 1);
  EXPECT_EQ(call(*handle, 0, 3), 1);
  EXPECT_EQ(call(*handle, 0, 5), 2);
  EXPECT_EQ(call(*handle, 0, 8), 3);
  EXPECT_EQ(call(*handle, 0, 3), 4);
}

TEST_P(StatefulProgram, HasOneSlotWhichOrdersItsCallsOnTheDeviceWhateverTheirStreams) {
  const auto handle = load_method(running_sum());
  Buffer memory = must(Buffer::on_device(device(), 8 * 256));
  const auto at = [&](int slot) { return static_cast<std::byte*>(memory.data()) + slot * 256; };
  const TestTensor::Kind floats{.type = ScalarType::Float};
  const float one = 1;
  ASSERT_THAT(driver().cuMemcpy(reinterpret_cast<CUdeviceptr>(at(0)), reinterpret_cast<CUdeviceptr>(&one), 4), is_ok());
  const Stream first = create_stream();
  const Stream second = create_stream();
  auto gate = close_gate(first);
  const auto waits = host_waits();
  for (int i = 1; i <= 6; ++i) {
    TestTensor x({1}, at(0), floats), y({1}, at(i), floats);
    const StreamGuard guard((i % 2 == 1 ? first : second).get());
    ASSERT_THAT(execute(*handle, x, y), is_ok());
  }
  EXPECT_EQ(host_waits(), waits);
  EXPECT_EQ(handle->slot_count(), 1u);
  gate.open();
  ASSERT_THAT(first.synchronize(), is_ok());
  ASSERT_THAT(second.synchronize(), is_ok());
  for (int i = 1; i <= 6; ++i) {
    float sum = 0;
    ASSERT_THAT(driver().cuMemcpy(reinterpret_cast<CUdeviceptr>(&sum), reinterpret_cast<CUdeviceptr>(at(i)), 4), is_ok());
    EXPECT_EQ(sum, static_cast<float>(i)) << "the call saw another order";
  }
}

TEST_P(StatefulProgram, IsAsItWasLoadedAfterWarmUp) {
  const auto bytes = support::ProgramSpec{.methods = {running_sum()}}.build();
  blob::Metadata metadata;
  metadata.io_bindings = {{.name = "x"}, {.name = "sum", .is_input = false}};
  const blob::Payload payload{"program", "host", bytes};
  delegate::Options options;
  options.warm_up = {{engine::Dims{1}}, {engine::Dims{1}}};
  const auto handle = must(try_load(must(blob::write_blob(metadata, {}, {&payload, 1})), options));
  EXPECT_EQ(call(*handle, 2), 2);
}

TEST_P(StatefulProgram, IsRefusedInACaptureWhichStaysValid) {
  const auto handle = load_method(running_sum());
  Buffer memory = must(Buffer::on_device(device(), 512));
  const TestTensor::Kind floats{.type = ScalarType::Float};
  TestTensor x({1}, memory.data(), floats), y({1}, static_cast<std::byte*>(memory.data()) + 256, floats);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(driver().cuMemsetD8Async(reinterpret_cast<CUdeviceptr>(memory.data()), 0, 512, stream.get()), is_ok());
  ASSERT_THAT(execute(*handle, x, y), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  begin_capture(stream);
  EXPECT_THAT(execute(*handle, x, y), fails_with(ErrorCode::kInvalidState));
  end_capture(stream);
}

}  // namespace
}  // namespace etrt::test
