// What the delegate hands to the caller besides results: completion events and a report of what it did and holds.

#include <algorithm>
#include <delegate_fixture.h>
#include <thread>

#include <etrt/report.h>

namespace etrt::test {
namespace {

using Values = std::vector<std::int32_t>;

class Completion : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(Completion);

TEST_P(Completion, OrdersAnotherStreamBehindTheLastCallWithoutAHostWait) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  Buffer seen = must(Buffer::pinned(device(), 8 * sizeof(std::int32_t)));
  const Stream stream = create_stream();
  const Stream reader = create_stream();
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    const auto done = last_completion();
    ASSERT_TRUE(done.has_value());
    ASSERT_THAT(reader.wait(*done), is_ok());
  }
  ASSERT_THAT(out.buffer.copy_to_host(seen.data(), seen.size(), reader.get()), is_ok());
  EXPECT_FALSE(must(reader.is_done())) << "the reader did not wait";
  gate.open();
  ASSERT_THAT(reader.synchronize(), is_ok());
  const auto* values = static_cast<const std::int32_t*>(seen.data());
  EXPECT_EQ(Values(values, values + 8), Values(8, 6));
}

TEST_P(Completion, IsTheInnermostGuardsOwn) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream outer_stream = create_stream();
  const Stream inner_stream = create_stream();
  EXPECT_FALSE(last_completion().has_value());
  const StreamGuard outer(outer_stream.get());
  EXPECT_FALSE(last_completion().has_value());
  {
    const StreamGuard inner(inner_stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_TRUE(last_completion().has_value());
  }
  EXPECT_FALSE(last_completion().has_value());
  ASSERT_THAT(inner_stream.synchronize(), is_ok());
}

TEST_P(Completion, OfTheInputsComesBeforeThatOfTheOutputsWhereTheEngineTellsIt) {
  KernelPlan plan = KernelPlan::dynamic(1, 8);
  plan.caller_gives_memory = true;
  plan.tells_inputs_consumed = true;
  const auto handle = load(plan);
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  const Stream writer = create_stream();
  {
    const StreamGuard guard(stream.get());
    EXPECT_FALSE(last_inputs_consumed().has_value());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_TRUE(last_inputs_consumed().has_value());
    EXPECT_NE(*last_inputs_consumed(), *last_completion());
    ASSERT_THAT(writer.wait(*last_inputs_consumed()), is_ok());
  }
  // The order checker knows that this overwrites the input only after it was read.
  ASSERT_THAT(driver().cuMemsetD32Async(reinterpret_cast<CUdeviceptr>(in.buffer.data()), 70, 8, writer.get()), is_ok());
  ASSERT_THAT(writer.synchronize(), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
  EXPECT_EQ(in.read(), Values(8, 70));
}

TEST_P(Completion, OfTheInputsIsThatOfTheCallWhereTheEngineDoesNotTell) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(last_inputs_consumed(), last_completion());
  ASSERT_THAT(stream.synchronize(), is_ok());
}

class Reports : public DelegateTest {
 protected:
  static ProgramReport last_program() { return report().programs.back(); }

  MemoryReport memory_of_device() const {
    for (const MemoryReport& memory : report().memory) {
      if (memory.device == device().name()) return memory;
    }
    return {};
  }
};
ETRT_ON_EVERY_DEVICE(Reports);

TEST_P(Reports, CountWhatCallsDid) {
  const auto handle = load(KernelPlan::dynamic(1, 8), 1);
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  DeviceTensor longer(device(), {3, 4}, 5);
  DeviceTensor longer_out(device(), {3, 4}, 0);
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(execute(*handle, longer.tensor, longer_out.tensor), is_ok());
  }
  ASSERT_THAT(stream.synchronize(), is_ok());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_FALSE(execute(*handle, in.tensor, longer_out.tensor).ok());
  const ProgramReport program = last_program();
  EXPECT_EQ(program.device, device().name());
  EXPECT_EQ(program.calls, 5u);
  EXPECT_EQ(program.failed_calls, 1u);
  EXPECT_EQ(program.waiting_calls, 1u);
  EXPECT_EQ(program.shape_changes, 3u);
  EXPECT_EQ(program.bindings_set, 6u);
  EXPECT_GE(program.host_ns, program.slowest_ns);
  EXPECT_GT(program.slowest_ns, 0u);
}

TEST_P(Reports, TellTheMemoryThatIsHeld) {
  const MemoryReport before = memory_of_device();
  KernelPlan plan = KernelPlan::dynamic(1, 64);
  plan.caller_gives_memory = true;
  const auto handle = load(plan);
  HostTensor host({2, 4}, 5);
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  const auto call = [&] {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  };
  call();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, host.tensor, out.tensor), is_ok());
  }
  ASSERT_THAT(stream.synchronize(), is_ok());
  const auto exec = capture(stream, call);
  const ProgramReport program = last_program();
  EXPECT_EQ(program.execution_contexts, 1u);
  EXPECT_EQ(program.context_bytes, 64u * 4u * 4u) << "what a context needs for the largest shapes";
  EXPECT_GE(program.device_staging_bytes, 32u);
  EXPECT_EQ(program.graph_bytes, 32u);
  const MemoryReport memory = memory_of_device();
  EXPECT_EQ(memory.scratch_bytes - before.scratch_bytes, 32u);
  EXPECT_EQ(memory.device_bytes - before.device_bytes, 32u + program.graph_bytes + program.device_staging_bytes);
  EXPECT_GE(memory.pinned_bytes, 32u);
  EXPECT_EQ(memory.abandoned_bytes, before.abandoned_bytes);
}

TEST_P(Reports, TellOneGraphMemoryASlotForGraphsThatFollowEachOther) {
  KernelPlan plan = KernelPlan::dynamic(1, 64);
  plan.caller_gives_memory = true;
  const auto handle = load(plan, 1);
  const Stream stream = create_stream();
  const MemoryReport before = memory_of_device();
  for (const std::int32_t rows : {2, 4, 6, 8}) {
    DeviceTensor in(device(), {rows, 4}, 5);
    DeviceTensor out(device(), {rows, 4}, 0);
    // CUDA lets go of a graph's things some time after its end: one slot may be captured, so until then it refuses.
    for (bool captured = false; !captured;) {
      run_on(stream, *handle, in, out);
      ASSERT_THAT(stream.synchronize(), is_ok());
      begin_capture(stream);
      {
        const StreamGuard guard(stream.get());
        captured = execute(*handle, in.tensor, out.tensor).ok();
      }
      const auto graph = end_capture(stream);
    }
  }
  const std::size_t held = last_program().graph_bytes;
  EXPECT_LE(held, 2 * 128u) << "of two slots at most, each the largest graph's alone";
  const MemoryReport memory = memory_of_device();
  EXPECT_EQ(memory.device_bytes - before.device_bytes, memory.scratch_bytes - before.scratch_bytes + held);
}

TEST_P(Reports, TellTheLayersOfTheLastCallWhileTheyAreTimed) {
  const auto handle = load(KernelPlan::fixed(2, {8}));
  DeviceTensor in0(device(), {8}, 5);
  DeviceTensor in1(device(), {8}, 5);
  DeviceTensor out0(device(), {8}, 0);
  DeviceTensor out1(device(), {8}, 0);
  const std::vector<EValue*> arguments{in0.tensor.value(), in1.tensor.value(), out0.tensor.value(),
                                       out1.tensor.value()};
  ASSERT_THAT(execute(*handle, arguments), is_ok());
  EXPECT_THAT(layer_times().back().layers, ::testing::IsEmpty());
  time_layers(true);
  ASSERT_THAT(execute(*handle, arguments), is_ok());
  const auto layers = layer_times().back().layers;
  time_layers(false);
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].name, "out0");
  EXPECT_EQ(layers[1].name, "out1");
  EXPECT_EQ(layers[1].milliseconds, 0.25f);
  ASSERT_THAT(execute(*handle, arguments), is_ok());
  EXPECT_THAT(layer_times().back().layers, ::testing::IsEmpty());
}

TEST_P(Reports, HoldNoProgramThatIsGone) {
  const std::size_t before = report().programs.size();
  auto handle = load(KernelPlan::fixed(1, {8}));
  EXPECT_EQ(report().programs.size(), before + 1);
  handle.reset();
  EXPECT_EQ(report().programs.size(), before);
}

TEST_P(Reports, WaitForNoCallInProgress) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 5);
  HostTensor out({8}, 0);
  const Stream stream = create_stream();
  auto gate = close_gate(stream);
  const auto waits = calls(Symbol::k_cuStreamSynchronize);
  std::thread caller([&] {
    const StreamGuard guard(stream.get());
    EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  });
  while (calls(Symbol::k_cuStreamSynchronize) == waits) std::this_thread::yield();
  EXPECT_EQ(last_program().execution_contexts, 1u);
  EXPECT_EQ(last_program().calls, 0u) << "the call is still under way";
  gate.open();
  caller.join();
  EXPECT_EQ(last_program().calls, 1u);
}

TEST_P(Reports, TakeNoLayersOfAContextThatAGraphHas) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const auto call = [&] {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  };
  time_layers(true);
  call();
  ASSERT_THAT(stream.synchronize(), is_ok());
  const auto exec = capture(stream, call);
  EXPECT_THAT(layer_times().back().layers, ::testing::IsEmpty());
  time_layers(false);
}

}  // namespace
}  // namespace etrt::test
