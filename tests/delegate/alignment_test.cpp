// Device memory at addresses that the engine cannot take (TensorRT wants multiples of 256 bytes).

#include <delegate_fixture.h>

namespace etrt::test {
namespace {

class Alignment : public DelegateTest {
 protected:
  static constexpr std::size_t kAlignment = 256;

  std::unique_ptr<delegate::Handle> load_strict() const {
    KernelPlan plan = KernelPlan::fixed(1, {8});
    plan.address_alignment = kAlignment;
    return load(plan);
  }

  /// A tensor in the middle of a buffer, as ExecuTorch plans them.
  struct Inside {
    explicit Inside(const Device& device, std::int32_t value)
        : memory(device, {128}, value), tensor({8}, static_cast<std::byte*>(memory.buffer.data()) + 48) {}
    std::vector<std::int32_t> read() const {
      const auto all = memory.read();
      return {all.begin() + 12, all.begin() + 20};
    }
    DeviceTensor memory;
    TestTensor tensor;
  };

  std::uint64_t copies() const { return calls(Symbol::k_cuMemcpyDtoDAsync); }
};
ETRT_ON_EVERY_DEVICE(Alignment);

using Values = std::vector<std::int32_t>;

TEST_P(Alignment, OfMemoryThatTheEngineCannotTakeIsMadeByCopiesOnTheStream) {
  const auto handle = load_strict();
  Inside in(device(), 5);
  Inside out(device(), 0);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  const auto waits = host_waits();
  const auto before = copies();
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(copies(), before + 2);
  EXPECT_EQ(host_waits(), waits);
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), Values(8, 6));
  EXPECT_EQ(out.memory.read()[11], 0);
  EXPECT_EQ(out.memory.read()[20], 0);
}

TEST_P(Alignment, OfAnAliasedInputKeepsTheUpdateInPlace) {
  KernelPlan plan = KernelPlan::fixed(1, {8});
  plan.address_alignment = kAlignment;
  const auto handle = must(try_load(blob_of(plan, {{"out0", "in0", "kv_cache_update"}})));
  Inside cache(device(), 5);
  TestTensor out({8}, static_cast<std::byte*>(cache.memory.buffer.data()) + 48);
  ASSERT_THAT(execute(*handle, cache.tensor, out), is_ok());
  EXPECT_EQ(cache.read(), Values(8, 6));
}

TEST_P(Alignment, OfOtherMemoryCostsNothing) {
  const auto handle = load_strict();
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  const auto before = copies();
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(copies(), before);
  EXPECT_EQ(out.read(), Values(8, 6));
}

TEST_P(Alignment, IsNamedWhereACaptureForbidsTheCopies) {
  const auto handle = load_strict();
  DeviceTensor in(device(), {8}, 5);
  DeviceTensor out(device(), {8}, 0);
  Inside inside(device(), 5);
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  begin_capture(stream);
  Status status;
  {
    const StreamGuard guard(stream.get());
    status = execute(*handle, inside.tensor, out.tensor);
  }
  end_capture(stream);
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidState));
  EXPECT_NE(status.error().message().find("'in0'"), std::string::npos) << status.error().message();
}

}  // namespace
}  // namespace etrt::test
