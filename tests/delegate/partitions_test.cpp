// Programs keep to the SMs of their stream's partition. Blocks write down the SM that ran them.

#include <algorithm>
#include <delegate_fixture.h>
#include <deque>
#include <set>

namespace etrt::test {
namespace {

using Sms = std::set<std::int32_t>;

constexpr std::int32_t kBlocks = 256;

/// `outputs` outputs, each the SMs of its blocks.
KernelPlan recording(std::size_t outputs = 1) {
  KernelPlan plan;
  plan.inputs = {{"in0", {kBlocks}, {kBlocks}}};
  for (std::size_t i = 0; i < outputs; ++i) {
    plan.outputs.push_back({.name = "sms" + std::to_string(i), .of = 0, .add = 0, .records_sms = true});
  }
  return plan;
}

bool within(const Sms& part, const Sms& whole) {
  return std::includes(whole.begin(), whole.end(), part.begin(), part.end());
}

class Partitions : public DelegateTest {
 protected:
  void SetUp() override {
    DelegateTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto limits = device().partition_limits();
    if (!limits.ok()) GTEST_SKIP() << limits.error().message();
    sms_ = limits->minimum;
    partitions_ = must(Partition::split(device(), {sms_, sms_}));
    in_.emplace(device(), std::vector<std::int32_t>{kBlocks}, 0);
  }
  void TearDown() override {
    in_.reset();
    DelegateTest::TearDown();
  }

  int partition_size() const { return sms_; }
  std::vector<Partition>& partitions() { return partitions_; }
  Stream stream_in(std::size_t partition) const { return must(partitions_[partition].create_stream()); }
  DeviceTensor& in() { return *in_; }
  DeviceTensor output() const { return DeviceTensor(device(), {kBlocks}, -1); }

  Status run(delegate::Handle& handle, const Stream& stream, std::vector<DeviceTensor*> outputs) {
    std::vector<EValue*> arguments{in_->tensor.value()};
    for (DeviceTensor* output : outputs) arguments.push_back(output->tensor.value());
    const StreamGuard guard(stream.get());
    return execute(handle, arguments);
  }

  static Sms sms_in(const DeviceTensor& output) {
    const auto values = output.read();
    return {values.begin(), values.end()};
  }

  /// All SMs of a partition, found by kernels of the test's own.
  Sms sms_of(std::size_t partition) {
    const Stream stream = stream_in(partition);
    Sms seen;
    for (int i = 0; i < 4; ++i) {
      DeviceTensor out = output();
      EXPECT_THAT(kernels().record_sm(stream.get(), reinterpret_cast<CUdeviceptr>(out.buffer.data()), kBlocks,
                                      std::chrono::microseconds(50)),
                  is_ok());
      EXPECT_THAT(stream.synchronize(), is_ok());
      seen.merge(sms_in(out));
    }
    return seen;
  }

 private:
  int sms_ = 0;
  std::vector<Partition> partitions_;
  std::optional<DeviceTensor> in_;
};
ETRT_ON_EVERY_DEVICE(Partitions);

TEST_P(Partitions, HoldTheirProgramsKernels) {
  const auto handle = load(recording());
  const Stream stream = stream_in(0);
  DeviceTensor out = output();
  ASSERT_THAT(run(*handle, stream, {&out}), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_LE(sms_in(out).size(), static_cast<std::size_t>(partition_size()));
  EXPECT_TRUE(within(sms_in(out), sms_of(0)));
}

TEST_P(Partitions, HoldTheirProgramsAuxiliaryStreams) {
  KernelPlan plan = recording(4);
  plan.auxiliary_streams = 3;
  const auto handle = load(plan);
  const Stream stream = stream_in(0);
  std::deque<DeviceTensor> outs;
  for (int i = 0; i < 4; ++i) outs.emplace_back(device(), std::vector<std::int32_t>{kBlocks}, -1);
  ASSERT_THAT(run(*handle, stream, {&outs[0], &outs[1], &outs[2], &outs[3]}), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  const Sms whole = sms_of(0);
  for (const DeviceTensor& out : outs) EXPECT_TRUE(within(sms_in(out), whole));
}

TEST_P(Partitions, HoldThemBesideNoiseOnTheRestOfTheDeviceAndOnAllOfIt) {
  KernelPlan plan = recording(2);
  plan.auxiliary_streams = 1;
  const auto handle = load(plan);
  const Sms whole = sms_of(0);
  const Stream stream = stream_in(0);
  const Stream beside = stream_in(1);
  const Stream everywhere = create_stream();
  DeviceTensor noise = output();
  DeviceTensor more_noise = output();
  for (int i = 0; i < 4; ++i) {
    DeviceTensor first = output();
    DeviceTensor second = output();
    for (const auto& [where, what] : {std::pair{&beside, &noise}, {&everywhere, &more_noise}}) {
      ASSERT_THAT(kernels().record_sm(where->get(), reinterpret_cast<CUdeviceptr>(what->buffer.data()), kBlocks,
                                      std::chrono::microseconds(100)),
                  is_ok());
    }
    ASSERT_THAT(run(*handle, stream, {&first, &second}), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
    EXPECT_TRUE(within(sms_in(first), whole));
    EXPECT_TRUE(within(sms_in(second), whole));
  }
  ASSERT_THAT(beside.synchronize(), is_ok());
  ASSERT_THAT(everywhere.synchronize(), is_ok());
}

TEST_P(Partitions, TwoAtOnceShareNoSm) {
  const auto one = load(recording());
  const auto two = load(recording());
  const Stream first = stream_in(0);
  const Stream second = stream_in(1);
  DeviceTensor first_out = output();
  DeviceTensor second_out = output();
  ASSERT_THAT(run(*one, first, {&first_out}), is_ok());
  ASSERT_THAT(run(*two, second, {&second_out}), is_ok());
  ASSERT_THAT(first.synchronize(), is_ok());
  ASSERT_THAT(second.synchronize(), is_ok());
  Sms shared;
  const Sms a = sms_in(first_out);
  const Sms b = sms_in(second_out);
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(shared, shared.end()));
  EXPECT_TRUE(shared.empty());
}

TEST_P(Partitions, OfOneHandleCanBeTwo) {
  const auto handle = load(recording());
  const Stream first = stream_in(0);
  const Stream second = stream_in(1);
  DeviceTensor first_out = output();
  DeviceTensor second_out = output();
  for (int i = 0; i < 4; ++i) {
    ASSERT_THAT(run(*handle, first, {&first_out}), is_ok());
    ASSERT_THAT(run(*handle, second, {&second_out}), is_ok());
  }
  ASSERT_THAT(first.synchronize(), is_ok());
  ASSERT_THAT(second.synchronize(), is_ok());
  EXPECT_TRUE(within(sms_in(first_out), sms_of(0)));
  EXPECT_TRUE(within(sms_in(second_out), sms_of(1)));
}

TEST_P(Partitions, HoldTheGraphsThatWereCapturedInThem) {
  KernelPlan plan = recording(2);
  plan.auxiliary_streams = 1;
  const auto handle = load(plan);
  const Stream stream = stream_in(0);
  const Stream elsewhere = create_stream();
  DeviceTensor first = output();
  DeviceTensor second = output();
  ASSERT_THAT(run(*handle, stream, {&first, &second}), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  const auto exec = capture(stream, [&] { ASSERT_THAT(run(*handle, stream, {&first, &second}), is_ok()); });
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), elsewhere.get()), is_ok());
  ASSERT_THAT(elsewhere.synchronize(), is_ok());
  const Sms whole = sms_of(0);
  EXPECT_TRUE(within(sms_in(first), whole));
  EXPECT_TRUE(within(sms_in(second), whole));
}

TEST_P(Partitions, MayBeGoneBeforeTheirProgramIs) {
  KernelPlan plan = recording(2);
  plan.auxiliary_streams = 1;
  auto handle = load(plan);
  DeviceTensor first = output();
  DeviceTensor second = output();
  const Sms whole = sms_of(0);
  {
    const Stream stream = stream_in(0);
    ASSERT_THAT(run(*handle, stream, {&first, &second}), is_ok());
  }
  partitions().clear();
  handle.reset();
  EXPECT_TRUE(within(sms_in(first), whole)) << "the work had not run when destroy returned";
  EXPECT_TRUE(within(sms_in(second), whole));
}

TEST_P(Partitions, LeaveCompletionEventsThatOutliveThem) {
  const auto handle = load(recording());
  DeviceTensor out = output();
  const Stream reader = create_stream();
  std::optional<cudaEvent_t> done;
  {
    const Stream stream = stream_in(0);
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, {in().tensor.value(), out.tensor.value()}), is_ok());
    done = last_completion();
  }
  partitions().clear();
  ASSERT_TRUE(done.has_value());
  ASSERT_THAT(reader.wait(*done), is_ok());
  ASSERT_THAT(reader.synchronize(), is_ok());
  EXPECT_FALSE(sms_in(out).contains(-1));
}

TEST_P(Partitions, ThatAreGoneAreNamedInTheError) {
  const auto handle = load(recording());
  DeviceTensor out = output();
  const Stream stream = stream_in(0);
  partitions().clear();
  const Status status = run(*handle, stream, {&out});
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(status.error().message().find("partition is gone"), std::string::npos) << status.error().message();
}

}  // namespace
}  // namespace etrt::test
