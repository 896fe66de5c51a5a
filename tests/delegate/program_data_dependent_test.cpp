// Nested programs the shapes of whose outputs are not known before each run.

#include <algorithm>
#include <atomic>
#include <bit>
#include <future>
#include <latch>
#include <program_fixture.h>
#include <thread>

#include <executorch/runtime/core/exec_aten/util/tensor_util.h>
#include <executorch/runtime/kernel/kernel_runtime_context.h>
#include <executorch/runtime/kernel/operator_registry.h>

namespace etrt::test {
namespace {

using Values = std::vector<std::int32_t>;
using support::ProgramSpec;

constexpr auto kBounded = TensorShapeDynamism::DYNAMIC_BOUND;

class DataDependentProgram : public ProgramEngine {
 protected:
  std::unique_ptr<delegate::Handle> load_positive_elements() const {
    return load_program(program("data_dependent.pte"), 1, 1);
  }

  /// Floats on the device, of which a call may use fewer.
  struct DeviceFloats {
    DeviceFloats(const Device& device, std::int32_t count, float value)
        : memory(device, {count}, std::bit_cast<std::int32_t>(value)),
          tensor({count}, memory.buffer.data(), TestTensor::Kind{.type = ScalarType::Float, .dynamism = kBounded}) {}

    std::vector<float> read() const {
      std::vector<float> floats;
      for (const std::int32_t bits : memory.read()) floats.push_back(std::bit_cast<float>(bits));
      return floats;
    }

    DeviceTensor memory;
    TestTensor tensor;
  };
};
ETRT_ON_THE_VIRTUAL_GPU(DataDependentProgram);

TEST_P(DataDependentProgram, TellsTheTrueShapeAndValuesOfEveryCall) {
  const auto handle = load_positive_elements();
  for (const bool guarded : {false, true}) {
    const Stream stream = create_stream();
    std::optional<StreamGuard> guard;
    if (guarded) guard.emplace(stream.get());
    for (const std::vector<float>& positive :
         {std::vector<float>{1, 2, 3}, {}, {4, 3, 2, 1}, {1, 2, 3, 4, 5, 6, 7, 8}, {}, {9}}) {
      Floats x({8}, -1), y({8}, 0, kBounded);
      std::copy(positive.begin(), positive.end(), x.values.begin());
      ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
      ASSERT_EQ(y.tensor.sizes(), Values{static_cast<std::int32_t>(positive.size())});
      y.values.resize(positive.size());
      EXPECT_EQ(y.values, positive);
    }
  }
}

TEST_P(DataDependentProgram, WritesToMemoryOfTheDeviceOnTheCallersStream) {
  const auto handle = load_positive_elements();
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  DeviceFloats x(device(), 8, 5), y(device(), 8, -1);
  ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
  EXPECT_EQ(y.tensor.sizes(), Values{8});
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(y.read(), std::vector<float>(8, 5));

  DeviceFloats none(device(), 8, -2);
  ASSERT_THAT(execute(*handle, none.tensor, y.tensor), is_ok());
  EXPECT_EQ(y.tensor.sizes(), Values{0});
}

TEST_P(DataDependentProgram, IsRefusedInACaptureThatStaysValid) {
  const auto handle = load_positive_elements();
  const Stream stream = create_stream();
  DeviceFloats x(device(), 8, 5), y(device(), 8, -1);
  const auto call = [&] {
    const StreamGuard guard(stream.get());
    return execute(*handle, x.tensor, y.tensor);
  };
  ASSERT_THAT(call(), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  begin_capture(stream);
  EXPECT_THAT(call(), fails_with(ErrorCode::kInvalidState));
  end_capture(stream);
}

TEST_P(DataDependentProgram, LeavesTheCapturesOfOtherThreadsAlone) {
  const auto handle = load_positive_elements();
  const Stream captured = create_stream();
  Floats x({8}, 2), y({8}, 0, kBounded);
  ASSERT_THAT(driver().cuStreamBeginCapture(captured.get(), CU_STREAM_CAPTURE_MODE_GLOBAL), is_ok());
  const Stream stream = create_stream();
  std::thread([&] {
    const StreamGuard guard(stream.get());
    EXPECT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
  }).join();
  end_capture(captured);
  EXPECT_EQ(y.values, std::vector<float>(8, 2));
}

TEST_P(DataDependentProgram, RunsOnManyStreamsAtOnce) {
  const auto handle = load_positive_elements();
  std::vector<std::thread> threads;
  for (int t = 1; t <= 4; ++t) {
    threads.emplace_back([&, t] {
      const Stream stream = create_stream();
      const StreamGuard guard(stream.get());
      for (int i = 0; i < 50; ++i) {
        Floats x({8}, -1), y({8}, 0, kBounded);
        std::fill_n(x.values.begin(), t, static_cast<float>(i + 1));
        ASSERT_THAT(execute(*handle, x.tensor, y.tensor), is_ok());
        ASSERT_EQ(y.tensor.sizes(), Values{t});
        ASSERT_EQ(y.values[0], static_cast<float>(i + 1));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

/// y = op(inputs), every tensor int32 with up to 8 elements.
ProgramSpec::Method of_one_operator(const std::string& op, std::size_t inputs) {
  ProgramSpec::Method method;
  method.tensors.assign(inputs + 1, {.sizes = {8}, .dynamic = true});
  std::vector<std::int32_t> arguments;
  for (std::size_t i = 0; i < inputs; ++i) method.inputs.push_back(static_cast<std::int32_t>(i));
  method.outputs = {static_cast<std::int32_t>(inputs)};
  arguments = method.inputs;
  arguments.insert(arguments.end(), 2, method.outputs[0]);
  method.steps = {{.op = op, .args = arguments}};
  return method;
}

TEST_P(DataDependentProgram, ThatFailsOnZerosRunsOnItsOwnData) {
  const auto handle = load_method(of_one_operator("aten::floor_divide", 2));
  for (const std::int32_t n : {8, 3, 8}) {
    HostTensor x({n}, 7), k({n}, 2), y({8}, 0, kBounded);
    ASSERT_THAT(execute(*handle, {x.tensor.value(), k.tensor.value(), y.tensor.value()}), is_ok());
    EXPECT_EQ(y.tensor.sizes(), Values{n});
    EXPECT_EQ(Values(y.values.begin(), y.values.begin() + n), Values(static_cast<std::size_t>(n), 3));
  }
  HostTensor x({8}, 7), zero({8}, 0), two({8}, 2), y({8}, 0, kBounded);
  EXPECT_FALSE(execute(*handle, {x.tensor.value(), zero.tensor.value(), y.tensor.value()}).ok());
  EXPECT_THAT(execute(*handle, {x.tensor.value(), two.tensor.value(), y.tensor.value()}), is_ok());
}

/// Operators under names whose shapes are known to follow from shapes, which no library of these tests registers.
namespace kernels {

using executorch::aten::Tensor;
using executorch::runtime::KernelRuntimeContext;
using executorch::runtime::Span;

constexpr const char* kLying = "llama::fast_hadamard_transform";
constexpr const char* kWaiting = "llama::custom_sdpa";
constexpr std::int32_t kWaitsAt = 5;

struct Gate {
  std::latch entered{1};
  std::latch opened{1};
};
std::atomic<Gate*> gate{nullptr};

void copy_first(KernelRuntimeContext& context, const Tensor& x, Tensor& y, std::int32_t count) {
  const executorch::aten::SizesType size = count;
  ET_KERNEL_CHECK(context, executorch::runtime::resize_tensor(y, {&size, 1}) == executorch::runtime::Error::Ok,
                  InvalidArgument, );
  std::copy_n(x.const_data_ptr<std::int32_t>(), count, y.mutable_data_ptr<std::int32_t>());
}

/// Gives one element where the first one is positive, else all of them.
void lying(KernelRuntimeContext& context, Span<EValue*> arguments) {
  const Tensor x = arguments[0]->toTensor();
  Tensor y = arguments[1]->toTensor();
  const bool positive = x.numel() > 0 && x.const_data_ptr<std::int32_t>()[0] > 0;
  copy_first(context, x, y, positive ? 1 : static_cast<std::int32_t>(x.numel()));
}

/// Copies, and waits for the gate before it does with so many elements.
void waiting(KernelRuntimeContext& context, Span<EValue*> arguments) {
  const Tensor x = arguments[0]->toTensor();
  Tensor y = arguments[1]->toTensor();
  if (x.numel() == kWaitsAt) {
    Gate& closed = *gate.load();
    closed.entered.count_down();
    closed.opened.wait();
  }
  copy_first(context, x, y, static_cast<std::int32_t>(x.numel()));
}

void add() {
  using executorch::runtime::Kernel;
  static const auto registered = [] {
    static const std::string lying_name = std::string(kLying) + ".out", waiting_name = std::string(kWaiting) + ".out";
    const Kernel all[] = {Kernel(lying_name.c_str(), &lying), Kernel(waiting_name.c_str(), &waiting)};
    return executorch::runtime::register_kernels({all, 2});
  }();
  ASSERT_EQ(registered, executorch::runtime::Error::Ok);
}

}  // namespace kernels

TEST_P(DataDependentProgram, WhoseRunGivesAnotherShapeThanWasLearnedFailsAndLeavesNothingStale) {
  kernels::add();
  const auto handle = load_method(of_one_operator(kernels::kLying, 1));
  const Stream stream = create_stream();
  DeviceTensor x(device(), {8}, -3), surprise(device(), {8}, 4), y(device(), {8}, 9);
  const auto call = [&](DeviceTensor& input) {
    const StreamGuard guard(stream.get());
    const Status status = execute(*handle, input.tensor, y.tensor);
    EXPECT_THAT(stream.synchronize(), is_ok());
    return status;
  };
  ASSERT_THAT(call(x), is_ok());
  EXPECT_EQ(y.read(), Values(8, -3));
  EXPECT_THAT(call(surprise), is_ok()) << "it cannot be told before it has run";
  EXPECT_EQ(y.read(), Values(8, 0));
  const Status told = call(x);
  ASSERT_THAT(told, fails_with(ErrorCode::kInvalidData));
  EXPECT_NE(told.error().message().find("came out as [1] where inputs of these shapes gave [8] before"),
            std::string::npos)
      << told.error().message();
  EXPECT_THAT(call(x), is_ok());
  EXPECT_EQ(y.read(), Values(8, -3));
}

TEST_P(DataDependentProgram, NobodyWaitsForAShapeThatAnotherThreadLearns) {
  kernels::add();
  const auto handle = load_method(of_one_operator(kernels::kWaiting, 1));
  kernels::Gate gate;
  kernels::gate = &gate;
  const auto call = [&](std::int32_t n) {
    const Stream stream = create_stream();
    const StreamGuard guard(stream.get());
    HostTensor x({n}, n), y({8}, 0, kBounded);
    return execute(*handle, x.tensor, y.tensor);
  };
  auto slow = std::async(std::launch::async, call, kernels::kWaitsAt);
  gate.entered.wait();
  auto known = std::async(std::launch::async, call, 8);
  auto unknown = std::async(std::launch::async, call, 3);
  constexpr std::chrono::seconds kPatience{60};
  EXPECT_EQ(known.wait_for(kPatience), std::future_status::ready);
  EXPECT_EQ(unknown.wait_for(kPatience), std::future_status::ready);
  gate.opened.count_down();
  EXPECT_THAT(slow.get(), is_ok());
  EXPECT_THAT(known.get(), is_ok());
  EXPECT_THAT(unknown.get(), is_ok());
}

TEST_P(DataDependentProgram, AFailedRunLeavesZerosInMemoryOfTheDevice) {
  const auto handle = load_program(program("fails_at_run.pte"), 2, 1);
  const Stream stream = create_stream();
  DeviceFloats out(device(), 12, 0);
  TestTensor result({4, 3}, out.memory.buffer.data(), TestTensor::Kind{.type = ScalarType::Float});
  const auto call = [&](std::int64_t index) {
    const StreamGuard guard(stream.get());
    Floats table({5, 3}, 2);
    std::vector<std::int64_t> indices(4, index);
    TestTensor which({4}, indices.data(), TestTensor::Kind{.type = ScalarType::Long});
    const Status status = execute(*handle, {table.tensor.value(), which.value(), result.value()});
    EXPECT_THAT(stream.synchronize(), is_ok());
    return status;
  };
  ASSERT_THAT(call(1), is_ok());
  EXPECT_EQ(out.read(), std::vector<float>(12, 2));
  static_cast<void>(call(99));
  EXPECT_EQ(out.read(), std::vector<float>(12, 0));
}

}  // namespace
}  // namespace etrt::test
