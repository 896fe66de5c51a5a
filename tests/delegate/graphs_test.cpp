// CUDA graphs that etrt captures of a program's own calls.

#include <delegate_fixture.h>
#include <deque>
#include <set>

#include <etrt/report.h>

namespace etrt::test {
namespace {

using delegate::GraphMode;
using Values = std::vector<std::int32_t>;
using ::testing::HasSubstr;

class Graphs : public DelegateTest {
 protected:
  static ProgramReport last_program() { return report().programs.back(); }
  std::uint64_t launches() const { return calls(Symbol::k_cuGraphLaunch); }

  /// A call of an engine that adds 1, and its answer.
  void expect_right(const Stream& stream, delegate::Handle& handle, DeviceTensor& in, DeviceTensor& out) {
    run_on(stream, handle, in, out);
    ASSERT_THAT(stream.synchronize(), is_ok());
    const std::int32_t value = in.read()[0];
    EXPECT_EQ(out.read(), Values(out.count, value + 1));
  }
};
ETRT_ON_EVERY_DEVICE(Graphs);

TEST_P(Graphs, AreWhatCallsThatComeBackLaunch) {
  KernelPlan plan = KernelPlan::fixed(1, {8});
  plan.gains_by_graphs = true;
  const auto handle = load(plan, GraphMode::kAuto);
  DeviceTensor in(device(), {8}, 5);
  const Stream stream = create_stream();
  DeviceTensor one(device(), {8}, 0);
  DeviceTensor other(device(), {8}, 0);
  for (DeviceTensor* out : {&one, &other}) {
    const auto before = launches();
    expect_right(stream, *handle, in, *out);
    EXPECT_EQ(launches(), before) << "a call that was not seen before runs directly";
    for (int i = 0; i < 3; ++i) expect_right(stream, *handle, in, *out);
    EXPECT_EQ(launches(), before + 3);
  }
}

TEST_P(Graphs, AreNotForEnginesThatDoNotGainUnlessAskedFor) {
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  for (const auto& [mode, expected] : {std::pair{GraphMode::kAuto, 0u}, {GraphMode::kOff, 0u}, {GraphMode::kOn, 2u}}) {
    const auto handle = load(KernelPlan::fixed(1, {8}), mode);
    const auto before = launches();
    for (int i = 0; i < 3; ++i) expect_right(stream, *handle, in, out);
    EXPECT_EQ(launches(), before + expected) << "mode " << static_cast<int>(mode);
    EXPECT_EQ(last_program().graph_launches, expected);
    EXPECT_EQ(last_program().no_graph_reason, "");
  }
}

TEST_P(Graphs, AreOneForEachSetOfAddresses) {
  const auto handle = load(KernelPlan::fixed(1, {8}), GraphMode::kOn);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor other(device(), {8}, 7);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  for (int i = 0; i < 6; ++i) expect_right(stream, *handle, i % 2 == 0 ? in : other, out);
  EXPECT_EQ(last_program().graphs, 2u);
  EXPECT_EQ(last_program().graph_captures, 2u);
  EXPECT_EQ(last_program().graph_launches, 5u);
}

TEST_P(Graphs, AreFewAndTheOneUsedLeastRecentlyGoes) {
  const auto handle = load(KernelPlan::fixed(1, {8}), GraphMode::kOn);
  DeviceTensor in(device(), {8}, 5);
  const Stream stream = create_stream();
  std::deque<DeviceTensor> outs;
  for (int i = 0; i < 10; ++i) outs.emplace_back(device(), std::vector<std::int32_t>{8}, 0);
  expect_right(stream, *handle, in, outs[0]);
  for (DeviceTensor& out : outs) expect_right(stream, *handle, in, out);
  const ProgramReport program = last_program();
  EXPECT_EQ(program.graph_captures, 10u);
  EXPECT_LE(program.graphs, 4u);
  EXPECT_EQ(program.graphs + program.graph_evictions, 10u);
}

TEST_P(Graphs, GoWithTheShapesTheyAreFor) {
  const auto handle = load(KernelPlan::dynamic(1, 64), GraphMode::kOn);
  const Stream stream = create_stream();
  for (const std::int32_t rows : {2, 8, 2}) {
    DeviceTensor in(device(), {rows, 4}, rows);
    DeviceTensor out(device(), {rows, 4}, 0);
    for (int i = 0; i < 3; ++i) expect_right(stream, *handle, in, out);
  }
  EXPECT_EQ(last_program().graphs, 1u) << "one slot, set to one shape";
  EXPECT_EQ(last_program().graph_launches, 6u);
}

TEST_P(Graphs, UseTheScratchMemoryOfTheStreamTheyAreLaunchedOn) {
  KernelPlan plan = KernelPlan::fixed(1, {8});
  plan.caller_gives_memory = true;
  const auto handle = load(plan, GraphMode::kOn);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream first = create_stream();
  const Stream second = create_stream();
  for (int i = 0; i < 4; ++i) {
    for (const Stream* stream : {&first, &second}) expect_right(*stream, *handle, in, out);
  }
  EXPECT_EQ(last_program().graph_bytes, 0u) << "it is the stream's";
  EXPECT_GE(last_program().graph_captures, 2u);
}

TEST_P(Graphs, KeepToThePartitionOfTheStream) {
  const auto limits = device().partition_limits();
  if (!limits.ok()) GTEST_SKIP() << limits.error().message();
  constexpr std::int32_t kBlocks = 512;
  KernelPlan plan = KernelPlan::fixed(1, {kBlocks});
  plan.outputs = {{.name = "sms", .of = 0, .add = 0, .records_sms = true},
                  {.name = "more", .of = 0, .add = 0, .records_sms = true}};
  plan.auxiliary_streams = 1;
  const auto handle = load(plan, GraphMode::kOn);
  const auto partitions = must(Partition::split(device(), {limits->minimum, limits->minimum}));
  DeviceTensor in(device(), {kBlocks}, 0);
  std::vector<std::set<std::int32_t>> seen;
  for (const Partition& partition : partitions) {
    const Stream stream = must(partition.create_stream());
    std::set<std::int32_t>& sms = seen.emplace_back();
    DeviceTensor out(device(), {kBlocks}, -1);
    DeviceTensor more(device(), {kBlocks}, -1);
    for (int i = 0; i < 3; ++i) {
      const StreamGuard guard(stream.get());
      ASSERT_THAT(execute(*handle, {in.tensor.value(), out.tensor.value(), more.tensor.value()}), is_ok());
      ASSERT_THAT(stream.synchronize(), is_ok());
      for (const DeviceTensor* one : {&out, &more}) {
        for (const std::int32_t sm : one->read()) sms.insert(sm);
      }
    }
    EXPECT_LE(sms.size(), static_cast<std::size_t>(limits->minimum));
  }
  EXPECT_EQ(last_program().graph_captures, 2u);
  for (const std::int32_t sm : seen[0]) EXPECT_FALSE(seen[1].contains(sm)) << "SM " << sm;
}

TEST_P(Graphs, OfStreamsThatAreGoneServeNoOther) {
  const auto handle = load(KernelPlan::fixed(1, {8}), GraphMode::kOn);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  for (int i = 0; i < 3; ++i) {
    const Stream stream = create_stream();  // CUDA gives its handle again.
    for (int j = 0; j < 2; ++j) expect_right(stream, *handle, in, out);
  }
  EXPECT_EQ(last_program().graph_captures, 3u);
}

TEST_P(Graphs, LeaveACaptureOfTheCallersToItself) {
  const auto handle = load(KernelPlan::fixed(1, {8}), GraphMode::kOn);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  for (int i = 0; i < 2; ++i) expect_right(stream, *handle, in, out);
  const auto before = launches();
  const auto exec = capture(stream, [&] { run_on(stream, *handle, in, out); });
  EXPECT_EQ(launches(), before);
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Graphs, DisturbNoCaptureOfAnotherThread) {
  const auto handle = load(KernelPlan::fixed(1, {8}), GraphMode::kOn);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream captured = create_stream();
  const Stream stream = create_stream();
  begin_capture(captured);
  std::thread([&] {
    for (int i = 0; i < 3; ++i) run_on(stream, *handle, in, out);
  }).join();
  EXPECT_THAT(driver().cuMemsetD32Async(reinterpret_cast<CUdeviceptr>(in.buffer.data()), 1, 8, captured.get()),
              is_ok());
  end_capture(captured);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(last_program().graph_captures, 1u);
}

TEST_P(Graphs, ThatCannotBeCapturedAreAskedForOnceAndTheReasonIsTold) {
  for (const Symbol symbol :
       {Symbol::k_cuStreamBeginCapture, Symbol::k_cuStreamEndCapture, Symbol::k_cuGraphInstantiateWithFlags}) {
    const auto handle = load(KernelPlan::fixed(1, {8}), GraphMode::kOn);
    DeviceTensor in(device(), {8}, 5);
    DeviceTensor out(device(), {8}, 0);
    const Stream stream = create_stream();
    expect_right(stream, *handle, in, out);
    hook().faults.fail(symbol, 1, CUDA_ERROR_NOT_SUPPORTED);
    for (int i = 0; i < 3; ++i) expect_right(stream, *handle, in, out);
    hook().faults.clear();
    EXPECT_THAT(last_program().no_graph_reason, HasSubstr(std::string(cuda::name(symbol))));
    EXPECT_EQ(last_program().graph_launches, 0u);
  }
}

TEST_P(Graphs, HaveTheirInputsConsumedWhenTheyAreOver) {
  KernelPlan plan = KernelPlan::fixed(1, {8});
  plan.caller_gives_memory = true;
  plan.tells_inputs_consumed = true;
  const auto handle = load(plan, GraphMode::kOn);
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_NE(*last_inputs_consumed(), *last_completion());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(*last_inputs_consumed(), *last_completion());
  ASSERT_THAT(stream.synchronize(), is_ok());
}

TEST_P(Graphs, CostOneLaunchInTheEnqueuesPlace) {
  const auto handle = load(KernelPlan::fixed(8, {16}), GraphMode::kOn);
  std::deque<DeviceTensor> tensors;
  std::deque<TestTensor> labelled;
  std::vector<EValue*> arguments;
  for (int i = 0; i < 16; ++i) {
    tensors.emplace_back(device(), std::vector<std::int32_t>{16}, 1);
    labelled.emplace_back(std::vector<std::int32_t>{16}, tensors.back().buffer.data(),
                          TestTensor::Kind{.device = DeviceType::CUDA});
    arguments.push_back(labelled.back().value());
  }
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  for (int i = 0; i < 3; ++i) ASSERT_THAT(execute(*handle, arguments), is_ok());
  hook().counter.reset();
  ASSERT_THAT(execute(*handle, arguments), is_ok());
  EXPECT_EQ(calls(Symbol::k_cuGraphLaunch), 1u);
  EXPECT_EQ(hook().counter.total(), 4u) << "the launch, a record, a check each of context and capture";
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(tensors[15].read(), Values(16, 9));
}

TEST_P(Graphs, MayBeInFlightWhenTheProgramGoes) {
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const Stream stream = create_stream();
  auto handle = load(KernelPlan::fixed(1, {8}), GraphMode::kOn);
  for (int i = 0; i < 3; ++i) run_on(stream, *handle, in, out);
  handle.reset();
  EXPECT_EQ(out.read(), Values(8, 6));
  ASSERT_THAT(stream.synchronize(), is_ok());
}

}  // namespace
}  // namespace etrt::test
