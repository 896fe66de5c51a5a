// The memory behind tensors that are not on the device, over many calls, and where it comes from.

#include <algorithm>
#include <atomic>
#include <delegate_fixture.h>
#include <thread>

#include <blob/blob_writer.h>
#include <etrt/memory.h>
#include <etrt/options.h>
#include <etrt/report.h>

namespace etrt::test {
namespace {

using Values = std::vector<std::int32_t>;
using ::testing::AllOf;
using ::testing::HasSubstr;

class Staging : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(Staging);

TEST_P(Staging, OfAProducerFasterThanTheDeviceIsBoundedByAWaitForTheOldestCall) {
  constexpr std::int32_t kCount = 1 << 20;
  constexpr std::size_t kBytes = kCount * sizeof(std::int32_t);
  constexpr std::size_t kBlocks = memory::PinnedPool::kSoftLimit / kBytes;
  const auto handle = load(KernelPlan::fixed(1, {kCount}));
  HostTensor in({kCount}, 5);
  DeviceTensor out(device(), {kCount}, 0);
  const Stream stream = create_stream();
  memory::PinnedPool& pinned = handle->memory().pinned();
  const std::size_t abandoned = pinned.abandoned_bytes();  // by earlier tests
  const auto call = [&] {
    const StreamGuard guard(stream.get());
    EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  };
  call();
  ASSERT_THAT(stream.synchronize(), is_ok());
  {
    // CUDA makes pinned memory with the device at rest: before the gate is closed.
    std::vector<memory::PinnedPool::Block> blocks;
    for (std::size_t i = 0; i < kBlocks; ++i) blocks.push_back(must(pinned.lend(kBytes)));
  }
  auto gate = close_gate(stream);
  const auto waits = host_waits();
  std::thread producer([&] {
    for (std::size_t i = 0; i < kBlocks + 8; ++i) call();
  });
  while (host_waits() == waits) std::this_thread::yield();
  EXPECT_FALSE(must(stream.is_done()));
  gate.open();
  producer.join();
  EXPECT_LE(pinned.bytes(), memory::PinnedPool::kSoftLimit + abandoned);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(kCount, 6));
}

TEST_P(Staging, IsOnePoolADeviceAndGivenBackWhenAProgramIsUnloaded) {
  auto first = load(KernelPlan::fixed(1, {8}));
  auto second = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 5);
  HostTensor out({8}, 0);
  ASSERT_THAT(execute(*first, in.tensor, out.tensor), is_ok());
  const auto held = first->memory().pinned().bytes();
  ASSERT_THAT(execute(*second, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(second->memory().pinned().bytes(), held) << "the second program takes what the first no longer uses";
  first.reset();
  EXPECT_EQ(second->memory().pinned().bytes(), second->memory().pinned().abandoned_bytes());
  ASSERT_THAT(execute(*second, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.values, Values(8, 6));
}

TEST_P(Staging, LimitsThatComeAfterTheFirstProgramAreRefusedWithBothValues) {
  const auto first = load(KernelPlan::fixed(1, {8}));
  delegate::Options options;
  options.memory.device = 123456789;
  const auto second = try_load(blob_of(KernelPlan::fixed(1, {8})), options);
  ASSERT_THAT(second, fails_with(ErrorCode::kInvalidState));
  EXPECT_THAT(second.error().message(),
              AllOf(HasSubstr(kOptionDeviceMemoryLimit), HasSubstr("123456789"), HasSubstr("open")));
}

/// The driver's memory, counted.
class CountingSource final : public MemorySource {
 public:
  explicit CountingSource(const cuda::Driver& driver) : driver_(driver) {}

  void* allocate_device(std::size_t bytes, cudaStream_t stream) noexcept override {
    CUdeviceptr address = 0;
    if (driver_.cuMemAllocAsync(&address, bytes, stream) != CUDA_SUCCESS) return nullptr;
    device_bytes += bytes;
    return reinterpret_cast<void*>(address);
  }
  bool deallocate_device(void* memory, std::size_t bytes, cudaStream_t stream) noexcept override {
    device_bytes -= bytes;
    return driver_.cuMemFreeAsync(reinterpret_cast<CUdeviceptr>(memory), stream) == CUDA_SUCCESS;
  }
  void* allocate_pinned(std::size_t bytes) noexcept override {
    void* memory = nullptr;
    if (driver_.cuMemHostAlloc(&memory, bytes, 0) != CUDA_SUCCESS) return nullptr;
    pinned_bytes += bytes;
    return memory;
  }
  bool deallocate_pinned(void* memory, std::size_t bytes) noexcept override {
    pinned_bytes -= bytes;
    return driver_.cuMemFreeHost(memory) == CUDA_SUCCESS;
  }

  std::atomic<std::size_t> device_bytes{0};
  std::atomic<std::size_t> pinned_bytes{0};

 private:
  const cuda::Driver& driver_;
};

// On a device of its own: a source is for the life of the process, and must come before the first program.
TEST(StagingSource, OfTheApplicationGivesAllThatAProgramNeedsAndGetsItBack) {
  const Device device = must(Device::open("virtual:2"));
  const cuda::Driver& driver = device.native().driver;
  const auto source = std::make_shared<CountingSource>(driver);
  ASSERT_THAT(set_memory_source(device, source), is_ok());
  {
    const Stream stream = must(Stream::create(device));
    delegate::Options options;
    options.device = "virtual:2";
    KernelPlan plan = KernelPlan::dynamic(1, 64);
    plan.caller_gives_memory = true;
    blob::Metadata metadata;
    metadata.io_bindings = {{.name = plan.inputs[0].name, .is_input = true},
                            {.name = plan.outputs[0].name, .is_input = false}};
    const auto bytes = plan.serialize();
    const blob::Payload payload{support::kKernelEngineKind, "anywhere", bytes};
    const auto blob = must(blob::write_blob(metadata, {}, {&payload, 1}));
    const auto handle = must(delegate::Handle::create(blob, options));
    HostTensor in({2, 4}, 5);
    HostTensor out({2, 4}, 0);
    std::vector<EValue*> arguments{in.tensor.value(), out.tensor.value()};
    {
      const StreamGuard guard(stream.get());
      ASSERT_THAT(handle->execute({arguments.data(), arguments.size()}), is_ok());
    }
    EXPECT_EQ(out.values, Values(8, 6));
    const Report all = report();
    const auto held = std::find_if(all.memory.begin(), all.memory.end(),
                                   [](const MemoryReport& known) { return known.device == "virtual:2"; });
    ASSERT_NE(held, all.memory.end());
    EXPECT_GE(held->device_bytes, 3 * 32u);
    EXPECT_EQ(source->device_bytes, held->device_bytes);
    EXPECT_EQ(source->pinned_bytes, held->pinned_bytes);
    EXPECT_GT(source->pinned_bytes, 0u);
  }
  EXPECT_EQ(source->device_bytes, 0u);
  EXPECT_EQ(source->pinned_bytes, 0u);
  EXPECT_THAT(set_memory_source(device, source), fails_with(ErrorCode::kInvalidState));
}

}  // namespace
}  // namespace etrt::test
