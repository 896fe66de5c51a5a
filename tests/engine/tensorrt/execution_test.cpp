// One context from its shapes to its results.
#include <tensorrt/tensorrt_fixture.h>

namespace etrt::engine::tensorrt {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

class TensorRtExecution : public TensorRtTest {
 protected:
  /// A context of the engine, resolved, with x of ones and y0 of zeros bound.
  struct Bound {
    std::unique_ptr<ExecutionContext> context;
    DeviceBuffer x;
    DeviceBuffer y;
  };
  Bound bound(Engine& engine, std::uint32_t count) const {
    Bound result{create_context(engine), filled(count, 41), filled(count, 0)};
    EXPECT_THAT(result.context->resolve_shapes(), is_ok());
    EXPECT_THAT(bind(*result.context, 0, result.x), is_ok());
    EXPECT_THAT(bind(*result.context, 1, result.y), is_ok());
    return result;
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtExecution);

TEST_P(TensorRtExecution, ComputesWhatThePlanSays) {
  const auto engine = load(fixed_plan({4, 8}));
  const auto [context, x, y] = bound(*engine, 32);
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtExecution, ReturnsWithTheWorkEnqueued) {
  const auto engine = load(fixed_plan({32}));
  const auto [context, x, y] = bound(*engine, 32);
  auto gate = close_gate(stream().get());
  ASSERT_THAT(context->enqueue(stream().get()), is_ok());
  EXPECT_THAT(driver().cuStreamQuery(stream().get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  ASSERT_THAT(synchronize(stream()), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtExecution, ContextsOfOneEngineRunOnStreamsOfTheirOwn) {
  const auto engine = load(fixed_plan({32}));
  const auto first = bound(*engine, 32);
  const auto second = bound(*engine, 32);
  const auto other = create_stream();
  ASSERT_THAT(first.context->enqueue(stream().get()), is_ok());
  ASSERT_THAT(second.context->enqueue(other.get()), is_ok());
  ASSERT_THAT(synchronize(stream()), is_ok());
  ASSERT_THAT(synchronize(other), is_ok());
  EXPECT_THAT(first.y.read(), Each(42u));
  EXPECT_THAT(second.y.read(), Each(42u));
}

TEST_P(TensorRtExecution, SteadyStateIsTensorRtsEnqueueAlone) {
  const auto engine = load(fixed_plan({32}));
  const auto [context, x, y] = bound(*engine, 32);
  ASSERT_THAT(run(*context), is_ok());
  const int addresses = state().addresses_set;
  calls().counter.reset();
  for (int i = 0; i < 3; ++i) ASSERT_THAT(context->enqueue(stream().get()), is_ok());
  EXPECT_EQ(calls().counter.total(), 0u);
  EXPECT_EQ(state().addresses_set, addresses);
  ASSERT_THAT(synchronize(stream()), is_ok());
}

TEST_P(TensorRtExecution, ScalarsHaveOneElement) {
  const auto engine = load(fixed_plan({}));
  const auto [context, x, y] = bound(*engine, 1);
  EXPECT_EQ(context->shape(1), Dims{});
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), ElementsAre(42u));
}

TEST_P(TensorRtExecution, EmptyTensorsNeedNoMemory) {
  const auto engine = load(fixed_plan({0, 4}));
  const auto context = create_context(*engine);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(context->bind(0, 0, 0), is_ok());
  ASSERT_THAT(context->bind(1, 0, 0), is_ok());
  EXPECT_THAT(run(*context), is_ok());
}

TEST_P(TensorRtExecution, AliasedOutputsUpdateTheirInputInPlace) {
  auto plan = fixed_plan({16});
  plan.outputs[0].alias = "x";
  const auto engine = load(plan);
  EXPECT_EQ(engine->tensors()[1].aliased_input, 0u);
  const auto context = create_context(*engine);
  const auto x = filled(16, 41);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, x), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(x.read(), Each(42u));
}

TEST_P(TensorRtExecution, AliasesBoundApartAreRefused) {
  auto plan = fixed_plan({16});
  plan.outputs[0].alias = "x";
  const auto engine = load(plan);
  const auto [context, x, y] = bound(*engine, 16);
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kInvalidArgument, HasSubstr("'y0' is the memory of input 'x'")));
  EXPECT_EQ(y.read().front(), 0u);
}

TEST_P(TensorRtExecution, AnUnboundTensorIsNamed) {
  const auto engine = load(fixed_plan({16}));
  const auto context = create_context(*engine);
  const auto x = filled(16, 41);
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kInvalidState, HasSubstr("'y0' is not bound")));
}

TEST_P(TensorRtExecution, MemoryTooSmallIsRefused) {
  const auto engine = load(fixed_plan({16}));
  const auto [context, x, y] = bound(*engine, 16);
  ASSERT_THAT(context->bind(1, y.address(), 60), is_ok());
  EXPECT_THAT(run(*context),
              fails_with(ErrorCode::kInvalidArgument, HasSubstr("of 64 bytes was bound to memory of 60")));
}

TEST_P(TensorRtExecution, AddressZeroIsRefused) {
  const auto engine = load(fixed_plan({16}));
  const auto context = create_context(*engine);
  EXPECT_THAT(context->bind(0, 0, 64), fails_with(ErrorCode::kInvalidArgument, HasSubstr("address 0")));
}

TEST_P(TensorRtExecution, TensorsOnTheDeviceAreAlignedAsTensorRtWants) {
  const auto engine = load(fixed_plan({16}));
  EXPECT_EQ(engine->tensors()[0].address_alignment, 256u);
  const auto context = create_context(*engine);
  const auto x = filled(64, 41);
  EXPECT_THAT(context->bind(0, x.address() + 64, 64),
              fails_with(ErrorCode::kInvalidArgument,
                         AllOf(HasSubstr("tensor 'x' was bound to address 0x"), HasSubstr("multiples of 256"))));
}

TEST_P(TensorRtExecution, ScratchMemoryIsGivenByTheCallerForTheShapes) {
  auto plan = open_plan({{{1}, {64}}});
  plan.memory_per_element = 8;
  const auto engine = load(plan);
  EXPECT_EQ(engine->memory().context_maximum, 512u);
  const auto context = create_context(*engine);
  const auto x = filled(64, 41);
  const auto y = filled(64, 0);
  ASSERT_THAT(bind(*context, 0, x), is_ok());
  ASSERT_THAT(bind(*context, 1, y), is_ok());
  ASSERT_THAT(context->set_input_shape(0, {16}), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->device_memory_bytes(), 128u);
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kInvalidState, HasSubstr("128 bytes")));

  const auto scratch = create_buffer(128);
  EXPECT_THAT(context->set_device_memory(scratch.address(), 64), fails_with(ErrorCode::kInvalidArgument));
  ASSERT_THAT(context->set_device_memory(scratch.address(), 128), is_ok());
  ASSERT_THAT(run(*context), is_ok());

  // New shapes ask anew: the old size may be too small.
  ASSERT_THAT(context->set_input_shape(0, {64}), is_ok());
  ASSERT_THAT(context->resolve_shapes(), is_ok());
  EXPECT_EQ(context->device_memory_bytes(), 512u);
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kInvalidState));
  ASSERT_THAT(context->set_device_memory(scratch.address(), 512), is_ok());
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(y.read(), Each(42u));
}

TEST_P(TensorRtExecution, TellsWhenItsInputsAreConsumed) {
  const auto engine = load(fixed_plan({16}));
  const auto [context, x, y] = bound(*engine, 16);
  const auto consumed = create_event();
  ASSERT_TRUE(context->set_input_consumed_event(consumed.get()));
  auto gate = close_gate(stream().get());
  ASSERT_THAT(context->enqueue(stream().get()), is_ok());
  EXPECT_THAT(driver().cuEventQuery(consumed.get()), fails_with(CUDA_ERROR_NOT_READY));
  gate.open();
  EXPECT_THAT(driver().cuEventSynchronize(consumed.get()), is_ok());
  ASSERT_TRUE(context->set_input_consumed_event(nullptr));
  EXPECT_THAT(run(*context), is_ok());
}

TEST_P(TensorRtExecution, TellsTheTimesOfItsLayers) {
  const auto engine = load(fixed_plan({16}, 2));
  const auto [context, x, y] = bound(*engine, 16);
  const auto second = filled(16, 0);
  ASSERT_THAT(bind(*context, 2, second), is_ok());
  EXPECT_THAT(context->layer_times(), fails_with(ErrorCode::kInvalidState));
  ASSERT_THAT(context->set_layer_timing(true), is_ok());
  EXPECT_THAT(context->layer_times(), fails_with(ErrorCode::kInvalidState, HasSubstr("nothing was profiled")));
  ASSERT_THAT(run(*context), is_ok());
  EXPECT_THAT(must(context->layer_times()), ElementsAre(Field(&LayerTime::name, "y0"), Field(&LayerTime::name, "y1")));
  ASSERT_THAT(context->set_layer_timing(false), is_ok());
  EXPECT_THAT(context->layer_times(), fails_with(ErrorCode::kInvalidState));
}

TEST_P(TensorRtExecution, ARefusedEnqueueGivesTensorRtsReason) {
  auto plan = fixed_plan({16});
  plan.failure = "enqueue";
  const auto engine = load(plan);
  const auto [context, x, y] = bound(*engine, 16);
  EXPECT_THAT(run(*context), fails_with(ErrorCode::kDriver, HasSubstr("TensorRT says: the GPU said no")));
}

TEST_P(TensorRtExecution, ARefusedAddressNamesTheTensor) {
  auto plan = fixed_plan({16});
  plan.failure = "address";
  const auto engine = load(plan);
  const auto context = create_context(*engine);
  EXPECT_THAT(context->bind(1, 512, 64),
              fails_with(ErrorCode::kInvalidArgument, HasSubstr("address of tensor 'y0' was refused")));
}

TEST_P(TensorRtExecution, ScratchMemoryWithoutASizeIsAnError) {
  auto plan = fixed_plan({16});
  plan.failure = "memory";
  const auto engine = load(plan);
  const auto context = create_context(*engine);
  EXPECT_THAT(context->resolve_shapes(), fails_with(ErrorCode::kInternal, HasSubstr("sizes overflow")));
}

TEST_P(TensorRtExecution, AContextThatCannotBeMadeIsOutOfMemory) {
  auto plan = fixed_plan({16});
  plan.failure = "context";
  const auto engine = load(plan);
  EXPECT_THAT(engine->create_context(std::nullopt),
              fails_with(ErrorCode::kOutOfMemory, HasSubstr("no memory for a context")));
}

}  // namespace
}  // namespace etrt::engine::tensorrt
