// Outputs whose shape is known only once the engine has run.
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using cuda::Symbol;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

class Allocator final : public OutputAllocator {
 public:
  explicit Allocator(std::uint64_t address) : address_(address) {}

  std::uint64_t allocate(std::size_t tensor, std::size_t bytes, cuda::StreamRef) override {
    EXPECT_EQ(tensor, 1u);
    bytes_ = bytes;
    return address_;
  }
  void set_shape(std::size_t tensor, const Dims& dims) override {
    EXPECT_EQ(tensor, 1u);
    dims_ = dims;
  }

  std::size_t bytes() const { return bytes_; }
  const Dims& dims() const { return dims_; }

 private:
  std::uint64_t address_;
  std::size_t bytes_ = 0;
  Dims dims_{-7};
};

class TensorRtDataDependent : public TensorRtTest {
 protected:
  /// "y0" has the first `elements` of the 16 of "x".
  static etrt::fake::Plan plan_of(std::int64_t elements) {
    auto plan = fixed_plan({16});
    plan.outputs[0].data_elements = elements;
    return plan;
  }

  std::unique_ptr<ExecutionContext> context_over(Engine& engine, const DeviceBuffer& x) const {
    auto context = create_context(engine);
    EXPECT_THAT(context->resolve_shapes(), is_ok());
    EXPECT_THAT(bind(*context, 0, x), is_ok());
    return context;
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtDataDependent);

TEST_P(TensorRtDataDependent, AreToldWithAnUpperBound) {
  const auto engine = load(plan_of(5));
  const TensorInfo& info = engine->tensors()[1];
  EXPECT_TRUE(info.data_dependent);
  EXPECT_EQ(info.minimum, Dims{0});
  EXPECT_EQ(info.maximum, Dims{16});
  const auto context = create_context(*engine);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->shape(1), Dims{16});
}

TEST_P(TensorRtDataDependent, GetMemoryFromTheAllocatorAndTellTheirShape) {
  const auto engine = load(plan_of(5));
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  const auto context = context_over(*engine, x);
  Allocator allocator(y.address());
  context->set_output_allocator(&allocator);
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_EQ(allocator.bytes(), 20u);
  EXPECT_EQ(allocator.dims(), Dims{5});
  EXPECT_EQ(y.read()[4], 42u);
  EXPECT_EQ(y.read()[5], 0u);
}

TEST_P(TensorRtDataDependent, AnAllocatorMayBeSetBeforeShapesAreResolved) {
  const auto engine = load(plan_of(5));
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  const auto context = create_context(*engine);
  Allocator allocator(y.address());
  context->set_output_allocator(&allocator);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_EQ(allocator.dims(), Dims{5});
}

TEST_P(TensorRtDataDependent, AnAllocatorWithoutMemoryIsOutOfMemory) {
  const auto engine = load(plan_of(5));
  const auto x = filled(16, 41);
  const auto context = context_over(*engine, x);
  Allocator allocator(0);
  context->set_output_allocator(&allocator);
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kOutOfMemory, HasSubstr("no memory of 20 bytes")));
}

TEST_P(TensorRtDataDependent, WithoutAnAllocatorGoWhereTheyAreBound) {
  const auto engine = load(plan_of(16));
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  const auto context = context_over(*engine, x);
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtDataDependent, ThatOutgrowTheirMemoryAreAnErrorOnce) {
  const auto engine = load(plan_of(5));
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  const auto context = context_over(*engine, x);
  ASSERT_THAT(context->bind(1, y.address(), 16), is_ok());
  EXPECT_THAT(run(*context),
              fails_with(ErrorCode::kOutOfMemory, HasSubstr("has 20 bytes, it was bound to memory of 16")));
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  EXPECT_THAT(run(*context), is_ok());
}

TEST_P(TensorRtDataDependent, MayComeOutEmpty) {
  const auto engine = load(plan_of(0));
  const auto x = filled(16, 41);
  const auto y = filled(16, 7);
  const auto context = context_over(*engine, x);
  Allocator allocator(y.address());
  context->set_output_allocator(&allocator);
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_EQ(allocator.dims(), Dims{0});
  EXPECT_THAT(y.read(), Each(7u));
}

TEST_P(TensorRtDataDependent, WithoutAllocatorAndMemoryAreNotBound) {
  const auto engine = load(plan_of(5));
  const auto x = filled(16, 41);
  const auto context = context_over(*engine, x);
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kInvalidState, HasSubstr("'y0' is not bound")));
}

TEST_P(TensorRtDataDependent, HaveTemporaryStorageInStreamOrder) {
  const auto engine = load(plan_of(5));
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  const auto context = context_over(*engine, x);
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  calls().counter.reset();
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_EQ(state().own_temporary_storage, 0) << "TensorRT allocated for itself";
  EXPECT_EQ(calls().counter.count(Symbol::k_cuMemAllocAsync), 1u);
  EXPECT_EQ(calls().counter.count(Symbol::k_cuMemFreeAsync), 1u);
}

TEST_P(TensorRtDataDependent, WithoutTemporaryStorageFailAndRunAgain) {
  const auto engine = load(plan_of(5));
  const auto x = filled(16, 41);
  const auto y = filled(16, 0);
  const auto context = context_over(*engine, x);
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  calls().faults.fail(Symbol::k_cuMemAllocAsync, 1, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_THAT(run(*context),
              fails_with(ErrorCode::kOutOfMemory, AllOf(HasSubstr("no temporary storage"), HasSubstr("of 256 bytes"))));
  EXPECT_THAT(run(*context), is_ok());
  calls().faults.fail(Symbol::k_cuMemAllocAsync, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kDriver, HasSubstr("cuMemAllocAsync")));
  EXPECT_THAT(run(*context), is_ok());
}

TEST_P(TensorRtDataDependent, ThatTakeNoAllocatorOfTemporaryStorageDoNotLoad) {
  auto plan = plan_of(5);
  plan.failure = "temporary";
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kInternal, HasSubstr("no allocator of temporary storage")));
}

TEST_P(TensorRtDataDependent, ThatTakeNoAllocatorDoNotLoad) {
  auto plan = plan_of(5);
  plan.failure = "allocator";
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kInternal, HasSubstr("takes no output allocator")));
}

}  // namespace
}  // namespace etrt::engine::tensorrt
