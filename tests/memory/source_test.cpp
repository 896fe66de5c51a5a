// An application's own source of memory: it sees all that is taken, and gets all of it back.

#include <atomic>
#include <memory_fixture.h>

#include <memory/device_staging.h>

namespace etrt::memory {
namespace {

/// Gives the driver's memory, and keeps accounts.
class TestSource final : public MemorySource {
 public:
  explicit TestSource(const cuda::Driver& driver) : driver_(driver) {}

  void* allocate_device(std::size_t bytes, cudaStream_t stream) noexcept override {
    CUdeviceptr address = 0;
    if (is_empty || driver_.cuMemAllocAsync(&address, bytes, stream) != CUDA_SUCCESS) return nullptr;
    return keep(reinterpret_cast<void*>(address + shift), bytes);
  }
  bool deallocate_device(void* memory, std::size_t bytes, cudaStream_t stream) noexcept override {
    if (refuses) return false;
    take(memory, bytes);
    return driver_.cuMemFreeAsync(reinterpret_cast<CUdeviceptr>(memory) - shift, stream) == CUDA_SUCCESS;
  }
  void* allocate_pinned(std::size_t bytes) noexcept override {
    void* memory = nullptr;
    if (is_empty || driver_.cuMemHostAlloc(&memory, bytes, 0) != CUDA_SUCCESS) return nullptr;
    return keep(memory, bytes);
  }
  bool deallocate_pinned(void* memory, std::size_t bytes) noexcept override {
    if (refuses) return false;
    take(memory, bytes);
    return driver_.cuMemFreeHost(memory) == CUDA_SUCCESS;
  }

  std::size_t bytes() const { return bytes_; }

  bool is_empty = false;
  bool refuses = false;
  std::size_t shift = 0;

 private:
  void* keep(void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    given_[memory] = bytes;
    bytes_ += bytes;
    return memory;
  }
  void take(void* memory, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(given_[memory], bytes) << "given back is not what was given";
    given_.erase(memory);
    bytes_ -= bytes;
  }

  const cuda::Driver& driver_;
  std::mutex mutex_;
  std::map<void*, std::size_t> given_;
  std::atomic<std::size_t> bytes_{0};
};

class SourceOfMemory : public MemoryFixture {
 protected:
  void SetUp() override {
    MemoryFixture::SetUp();
    if (primary() == nullptr) return;
    source_ = std::make_shared<TestSource>(driver());
    ASSERT_THAT(pools().set_source(source_), is_ok());
  }
  TestSource& source() { return *source_; }

 private:
  std::shared_ptr<TestSource> source_;
};
ETRT_ON_EVERY_PROVIDER(SourceOfMemory);

TEST_P(SourceOfMemory, SeesEveryAllocationAndGetsEverythingBack) {
  const auto stream = create_stream();
  {
    DeviceStaging staging(pools().heap());
    const auto of_a_graph = must(StreamOrderedMemory::create_for_any_stream(pools().heap(), kBytes));
    const auto planned = must(StreamOrderedMemory::create_for_any_stream(pools().planned(), kBytes));
    ScratchPool::Ref scratch;
    for (const std::size_t bytes : {kBytes, 4 * kBytes}) {
      use(stream, must(staging.reserve(bytes, stream.get())));
      use(stream, must(pools().scratch().lease(scratch, stream.get(), 1, bytes)).address);
      auto block = must(pools().pinned().lend(bytes));
      use(stream, block);
      ASSERT_THAT(block.release_after(stream.get()), is_ok());
    }
    const MemoryReport report = pools().report();
    EXPECT_EQ(source().bytes(), report.device_bytes + report.planned_bytes + report.pinned_bytes);
    EXPECT_GE(source().bytes(), 14 * kBytes);
    ASSERT_THAT(synchronize(stream), is_ok());
  }
  pools().trim();
  EXPECT_EQ(source().bytes(), 0u);
  for (const auto symbol : {Symbol::k_cuMemAlloc, Symbol::k_cuMemAllocAsync, Symbol::k_cuMemHostAlloc}) {
    EXPECT_EQ(hook().count(symbol), 0u) << "not taken from the source";
  }
}

TEST_P(SourceOfMemory, ThatIsEmptyIsOutOfMemory) {
  source().is_empty = true;
  const auto stream = create_stream();
  const auto device = StreamOrderedMemory::create(pools().heap(), kBytes, stream.get());
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_THAT(device.error().message(), HasSubstr("4096"));
  const auto pinned = pools().pinned().lend(kBytes);
  ASSERT_FALSE(pinned.ok());
  EXPECT_EQ(pinned.error().code(), ErrorCode::kOutOfMemory);
  EXPECT_EQ(pools().report().device_bytes + pools().report().pinned_bytes, 0u);
}

TEST_P(SourceOfMemory, IsAskedAgainToTakeBackWhatItRefused) {
  const auto stream = create_stream();
  auto memory = must(StreamOrderedMemory::create(pools().heap(), kBytes, stream.get()));
  static_cast<void>(must(pools().pinned().lend(kBytes)));
  source().refuses = true;
  memory.free_on(stream.get());
  pools().trim();
  EXPECT_EQ(pools().report().abandoned_bytes, 2 * kBytes);
  source().refuses = false;
  pools().trim();
  EXPECT_EQ(pools().report().abandoned_bytes, 0u);
  EXPECT_EQ(source().bytes(), 0u);
}

TEST_P(SourceOfMemory, WhoseMemoryIsNotAlignedIsRefused) {
  source().shift = 8;
  const auto stream = create_stream();
  const auto refused = StreamOrderedMemory::create(pools().heap(), kBytes, stream.get());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(refused.error().message(), HasSubstr("256"));
  EXPECT_EQ(source().bytes(), 0u);
}

TEST_P(SourceOfMemory, IsOneForTheLifeOfTheProcess) {
  const Status second = pools().set_source(std::make_shared<TestSource>(driver()));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kInvalidState);
}

class LateSource : public MemoryFixture {};
ETRT_ON_EVERY_PROVIDER(LateSource);

TEST_P(LateSource, IsRefusedOnceMemoryWasTaken) {
  EXPECT_FALSE(pools().set_source(nullptr).ok());
  static_cast<void>(must(pools().pinned().lend(kBytes)));
  const Status late = pools().set_source(std::make_shared<TestSource>(driver()));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), ErrorCode::kInvalidState);
  EXPECT_THAT(late.error().message(), HasSubstr("before the first program"));
}

TEST_P(LateSource, IsRefusedOnceAProgramWasLoaded) {
  ASSERT_THAT(pools().apply({}), is_ok());
  EXPECT_FALSE(pools().set_source(std::make_shared<TestSource>(driver())).ok());
}

}  // namespace
}  // namespace etrt::memory
