// Programs whose tensors are labelled CUDA, loaded and run by ExecuTorch's Module: copies, delegates and plain
// operators of one method follow one another on the caller's stream.

#include <module_fixture.h>
#include <set>

#include <executorch/extension/tensor/tensor.h>

#include <process/process.h>

namespace etrt::test {
namespace {

using support::to_device;
using support::to_host;
using Values = std::vector<std::int32_t>;

constexpr std::size_t kCount = 16;

const support::ProgramSpec::Tensor kHost{.sizes = {kCount}};
const support::ProgramSpec::Tensor kCuda{.sizes = {kCount}, .cuda = true};

class CudaIo : public ModuleTest {
 protected:
  /// Tensors 0, 1, 2: x to the device, plus 1, plus 10. With `to_host`, back as tensor 4, the output.
  Program::Method two_delegates(bool ends_on_host) const {
    Program::Method method;
    method.tensors = {kHost, kCuda, kCuda, kCuda, kHost};
    method.inputs = {0};
    method.outputs = {ends_on_host ? 4 : 3};
    method.delegates = {{.data = 1}, {.data = 2}};
    method.steps = {to_device(0, 1), {.delegate = 0, .args = {1, 2}}, {.delegate = 1, .args = {2, 3}}};
    if (ends_on_host) method.steps.push_back(to_host(3, 4));
    return method;
  }

  Program program_of(std::vector<Program::Method> methods) const {
    return {.methods = std::move(methods), .segments = {{}, adding(1), adding(10), adding(100)}};
  }
};
ETRT_ON_EVERY_DEVICE(CudaIo);

TEST_P(CudaIo, WaitsOnceInAMethodOfSeveralDelegatesForTheCopyToTheHost) {
  const auto program = program_of({two_delegates(true)}).build();
  const auto module = load_module(program);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  EXPECT_EQ(run(*module, 5), Values(kCount, 16));
  for (int i = 0; i < 3; ++i) {
    const auto waits = host_waits();
    EXPECT_EQ(run(*module, i), Values(kCount, i + 11));
    EXPECT_EQ(host_waits(), waits + 1);
  }
}

TEST_P(CudaIo, NeverWaitsWhenTheOutputStaysOnTheDevice) {
  const auto program = program_of({two_delegates(false)}).build();
  const auto module = load_module(program);
  const Stream stream = create_stream();
  auto input = executorch::extension::make_tensor_ptr({16}, Values(kCount, 7));
  void* output = nullptr;
  {
    const StreamGuard guard(stream.get());
    ASSERT_TRUE(module->forward(input).ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  auto gate = close_gate(stream);
  {
    const StreamGuard guard(stream.get());
    const auto outputs = module->forward(input);
    ASSERT_TRUE(outputs.ok());
    output = outputs->at(0).toTensor().mutable_data_ptr();
  }
  EXPECT_FALSE(must(stream.is_done()));
  std::fill_n(input->mutable_data_ptr<std::int32_t>(), kCount, -1);
  gate.open();
  Values values(kCount);
  const auto address = reinterpret_cast<CUdeviceptr>(output);
  ASSERT_THAT(driver().cuMemcpyDtoHAsync(values.data(), address, 4 * kCount, stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(values, Values(kCount, 18));
}

TEST_P(CudaIo, PlainOperatorsBetweenDelegatesSeeTheirResults) {
  Program::Method method;
  method.tensors = {kHost, kCuda, kCuda, kHost, kHost, kCuda, kCuda, kHost};
  method.inputs = {0};
  method.outputs = {7};
  method.delegates = {{.data = 1}, {.data = 3}};
  method.steps = {
      to_device(0, 1), {.delegate = 0, .args = {1, 2}}, to_host(2, 3), {.op = "aten::neg", .args = {3, 4, 4}},
      to_device(4, 5), {.delegate = 1, .args = {5, 6}}, to_host(6, 7)};
  const auto program = program_of({method}).build();
  const auto module = load_module(program);
  EXPECT_EQ(run(*module, 5), Values(kCount, 94)) << "without a guard";
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  const auto waits = host_waits();
  EXPECT_EQ(run(*module, 6), Values(kCount, 93)) << "with a guard";
  EXPECT_EQ(host_waits(), waits + 2) << "for what the operator reads and for the result";
}

TEST_P(CudaIo, SeveralMethodsOfOneFileRunInTurn) {
  auto second = two_delegates(true);
  second.name = "second";
  second.delegates = {{.data = 3}, {.data = 2}};
  const auto program = program_of({two_delegates(true), second}).build();
  const auto module = load_module(program);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(run(*module, i), Values(kCount, i + 11));
    EXPECT_EQ(run(*module, i, "second"), Values(kCount, i + 110));
  }
}

TEST_P(CudaIo, WithoutAGuardResultsAreReadyOnReturn) {
  const auto program = program_of({two_delegates(true)}).build();
  const auto module = load_module(program);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(*module, i), Values(kCount, i + 11));
}

TEST_P(CudaIo, ModulesOfSeveralThreadsRunOnTheirOwnStreams) {
  const auto program = program_of({two_delegates(true)}).build();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const Stream stream = create_stream();
      const auto module = load_module(program);
      const StreamGuard guard(stream.get());
      for (int i = 0; i < 20; ++i) EXPECT_EQ(run(*module, 100 * t + i), Values(kCount, 100 * t + i + 11));
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_P(CudaIo, AFailedDriverCallFailsTheMethodAndTheNextRunIsRight) {
  const auto program = program_of({two_delegates(true)}).build();
  const auto module = load_module(program);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  EXPECT_EQ(run(*module, 1), Values(kCount, 12));
  const auto input = executorch::extension::make_tensor_ptr({16}, Values(kCount, 2));
  bool delivered = true;
  for (int nth = 1; delivered; ++nth) {
    ASSERT_LT(nth, 200);
    hook().faults.fail_any(static_cast<std::uint64_t>(nth), CUDA_ERROR_UNKNOWN);
    const auto outputs = module->forward(input);
    delivered = hook().faults.delivered() > 0;
    hook().faults.clear();
    EXPECT_TRUE(delivered || outputs.ok());
    if (outputs.ok()) {
      EXPECT_EQ(ints_of(outputs->at(0)), Values(kCount, 13)) << "call " << nth;
    }
    EXPECT_EQ(run(*module, nth), Values(kCount, nth + 11)) << "after call " << nth;
  }
}

TEST_P(CudaIo, AModuleMayEndWithItsCopiesInFlight) {
  const auto program = program_of({two_delegates(false)}).build();
  auto module = load_module(program);
  const Stream stream = create_stream();
  const auto input = executorch::extension::make_tensor_ptr({16}, Values(kCount, 7));
  {
    const StreamGuard guard(stream.get());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(module->forward(input).ok());
  }
  module.reset();
  EXPECT_THAT(stream.synchronize(), is_ok());
}

/// What a GPU does not tell: which partition an operation ran in.
class CudaIoOfTheVirtualGpu : public CudaIo {};
INSTANTIATE_TEST_SUITE_P(On, CudaIoOfTheVirtualGpu, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(CudaIoOfTheVirtualGpu, TheCopiesStayInTheCallersPartition) {
  const auto program = program_of({two_delegates(true)}).build();
  const auto module = load_module(program);
  const auto partition = must(Partition::create(device(), 1));
  const Stream stream = must(partition.create_stream());
  struct Partitions final : vgpu::Observer {
    std::mutex mutex;
    std::set<std::uint64_t> seen;
    void finished(const vgpu::OperationRecord& record) override {
      const std::lock_guard lock(mutex);
      seen.insert(record.partition_id);
    }
  } partitions;
  process::Process::instance().devices().virtual_gpu().set_observer(&partitions);
  {
    const StreamGuard guard(stream.get());
    EXPECT_EQ(run(*module, 1), Values(kCount, 12));
  }
  process::Process::instance().devices().virtual_gpu().set_observer(nullptr);
  EXPECT_EQ(partitions.seen.size(), 1u);
  EXPECT_EQ(partitions.seen.count(0), 0u) << "0 is outside of any partition";
}

}  // namespace
}  // namespace etrt::test
