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

TEST_P(StatefulProgram, CanBePutBackToItsStateAsLoaded) {
  const auto handle = load_method(running_sum(), 1);
  const auto context = must(handle->engine()->create_context(std::nullopt));
  EXPECT_EQ(call(*context, 1), 1);
  EXPECT_EQ(call(*context, 1), 2);
  ASSERT_THAT(context->reset_state(), is_ok());
  EXPECT_EQ(call(*context, 5), 5);
  EXPECT_EQ(call(*context, 5), 10);
}

}  // namespace
}  // namespace etrt::test
