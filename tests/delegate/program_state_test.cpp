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
  std::unique_ptr<delegate::Handle> load_running_sum(const delegate::Options& options) const {
    const auto bytes = support::ProgramSpec{.methods = {running_sum()}}.build();
    blob::Metadata metadata;
    metadata.io_bindings = {{.name = "x"}, {.name = "sum", .is_input = false}};
    const blob::Payload payload{"program", "host", bytes};
    return must(try_load(must(blob::write_blob(metadata, {}, {&payload, 1})), options));
  }

  /// One call with `x` in every element, and the first element of what comes out.
  std::int32_t call(delegate::Handle& handle, std::int32_t x, std::int32_t count = 4) const {
    HostTensor in({count}, x), out({count}, 0);
    EXPECT_THAT(execute(handle, in.tensor, out.tensor), is_ok());
    return out.values[0];
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
  DeviceTensor one(device(), {4}, 1);
  std::vector<std::unique_ptr<DeviceTensor>> sums;
  for (int i = 0; i < 6; ++i) sums.push_back(std::make_unique<DeviceTensor>(device(), std::vector<std::int32_t>{4}, 0));
  const Stream first = create_stream();
  const Stream second = create_stream();
  auto gate = close_gate(first);
  const auto waits = host_waits();
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const StreamGuard guard((i % 2 == 0 ? first : second).get());
    ASSERT_THAT(execute(*handle, one.tensor, sums[i]->tensor), is_ok());
  }
  EXPECT_EQ(host_waits(), waits);
  EXPECT_EQ(handle->slot_count(), 1u);
  gate.open();
  ASSERT_THAT(first.synchronize(), is_ok());
  ASSERT_THAT(second.synchronize(), is_ok());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    EXPECT_EQ(sums[i]->read(), Values(4, static_cast<std::int32_t>(i) + 1)) << "the call saw another order";
  }
}

TEST_P(StatefulProgram, IsAsItWasLoadedAfterWarmUp) {
  delegate::Options options;
  options.warm_up = {{engine::Dims{4}}, {engine::Dims{4}}};
  const auto handle = load_running_sum(options);
  EXPECT_EQ(call(*handle, 2), 2);
}

TEST_P(StatefulProgram, IsRefusedInACaptureWhichStaysValid) {
  const auto handle = load_method(running_sum());
  DeviceTensor x(device(), {4}, 1), y(device(), {4}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  begin_capture(stream);
  EXPECT_THAT(execute(*handle, x.tensor, y.tensor), fails_with(ErrorCode::kInvalidState));
  end_capture(stream);
}

TEST_P(StatefulProgram, HasNoGraphsAndSaysWhy) {
  delegate::Options options;
  options.cuda_graph = delegate::GraphMode::kOn;
  const auto handle = load_running_sum(options);
  for (const std::int32_t sum : {2, 4, 6}) EXPECT_EQ(call(*handle, 2), sum);
  EXPECT_EQ(handle->report().no_graph_reason, "it keeps state of its own");
  EXPECT_EQ(handle->report().graph_launches, 0u);
}

}  // namespace
}  // namespace etrt::test
