// Dynamic, empty and 0-d tensors, and arguments that do not fit.

#include <delegate_fixture.h>

namespace etrt::test {
namespace {

class Shapes : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(Shapes);

using Values = std::vector<std::int32_t>;

TEST_P(Shapes, GrowAndShrinkFromCallToCall) {
  const auto handle = load(KernelPlan::dynamic(1, 64));
  for (const std::int32_t n : {1, 64, 3, 17, 64, 2}) {
    HostTensor in({n, 4}, n);
    HostTensor out({64, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_EQ(out.tensor.sizes(), (Values{n, 4}));
    EXPECT_EQ(Values(out.values.begin(), out.values.begin() + 4 * n), Values(4 * n, n + 1));
    EXPECT_EQ(Values(out.values.begin() + 4 * n, out.values.end()), Values(4 * (64 - n), 0)) << "wrote past the end";
  }
}

TEST_P(Shapes, EmptyTensorsRun) {
  const auto handle = load(KernelPlan::dynamic(0, 8));
  HostTensor in({0, 4}, 0);
  HostTensor out({8, 4}, 7, TensorShapeDynamism::DYNAMIC_BOUND);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.tensor.sizes(), (Values{0, 4}));
  EXPECT_EQ(out.values, Values(32, 7));
}

TEST_P(Shapes, EmptyTensorsNeedNoMemory) {
  const auto handle = load(KernelPlan::dynamic(0, 8));
  TestTensor in({0, 4}, nullptr);
  TestTensor out({0, 4}, nullptr);
  EXPECT_THAT(execute(*handle, in, out), is_ok());
}

TEST_P(Shapes, ScalarsRun) {
  const auto handle = load(KernelPlan::fixed(1, {}));
  HostTensor in({}, 41);
  HostTensor out({}, 0);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.values, Values{42});
}

TEST_P(Shapes, AnInputOutsideItsRangeIsRefusedByName) {
  const auto handle = load(KernelPlan::dynamic(2, 8));
  for (const std::int32_t n : {1, 9}) {
    HostTensor in({n, 4}, 0);
    HostTensor out({8, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
    const Status status = execute(*handle, in.tensor, out.tensor);
    ASSERT_THAT(status, fails_with(ErrorCode::kInvalidArgument));
    EXPECT_NE(status.error().message().find("'in0' has shape [" + std::to_string(n) + ", 4]"), std::string::npos)
        << status.error().message();
  }
}

TEST_P(Shapes, AnotherRankIsRefused) {
  const auto handle = load(KernelPlan::dynamic(1, 8));
  HostTensor in({4}, 0);
  HostTensor out({8, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kInvalidArgument));
}

TEST_P(Shapes, AnotherElementTypeIsRefused) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  std::vector<float> values(8);
  TestTensor in({8}, values.data(), TestTensor::Kind{.type = ScalarType::Float});
  HostTensor out({8}, 0);
  const Status status = execute(*handle, in, out.tensor);
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidType));
  EXPECT_NE(status.error().message().find("int32"), std::string::npos) << status.error().message();
}

TEST_P(Shapes, AnElementTypeThatTensorRtLacksIsRefused) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  std::vector<double> values(8);
  TestTensor in({8}, values.data(), TestTensor::Kind{.type = ScalarType::Double});
  HostTensor out({8}, 0);
  EXPECT_THAT(execute(*handle, in, out.tensor), fails_with(ErrorCode::kInvalidType));
}

TEST_P(Shapes, AnotherNumberOfArgumentsIsRefused) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 0);
  EXPECT_THAT(execute(*handle, std::vector<EValue*>{in.tensor.value()}), fails_with(ErrorCode::kInvalidArgument));
  EXPECT_THAT(execute(*handle, std::vector<EValue*>{}), fails_with(ErrorCode::kInvalidArgument));
  EXPECT_THAT(execute(*handle, {in.tensor.value(), in.tensor.value(), in.tensor.value()}),
              fails_with(ErrorCode::kInvalidArgument));
}

TEST_P(Shapes, AnArgumentThatIsNoTensorIsRefused) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 0);
  EValue number(std::int64_t{3});
  EXPECT_THAT(execute(*handle, {in.tensor.value(), &number}), fails_with(ErrorCode::kInvalidType));
  EXPECT_THAT(execute(*handle, {nullptr, in.tensor.value()}), fails_with(ErrorCode::kInvalidType));
}

TEST_P(Shapes, AnotherDimOrderIsRefused) {
  const auto handle = load(KernelPlan::fixed(1, {2, 4}));
  std::vector<std::int32_t> values(8);
  TestTensor in({2, 4}, values.data(), TestTensor::Kind{.dim_order = {1, 0}});
  HostTensor out({2, 4}, 0);
  EXPECT_THAT(execute(*handle, in, out.tensor), fails_with(ErrorCode::kInvalidArgument));
}

TEST_P(Shapes, AnOutputWithoutMemoryIsRefused) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  HostTensor in({8}, 0);
  TestTensor out({8}, nullptr);
  const Status status = execute(*handle, in.tensor, out);
  ASSERT_THAT(status, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(status.error().message().find("'out0'"), std::string::npos) << status.error().message();
}

TEST_P(Shapes, AnOutputThatCannotHoldTheResultIsRefused) {
  const auto handle = load(KernelPlan::dynamic(1, 8));
  HostTensor in({8, 4}, 0);
  HostTensor out({2, 4}, 0);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), fails_with(ErrorCode::kInvalidArgument));
}

TEST_P(Shapes, HostMemoryUnderACudaLabelIsRefused) {
  const auto handle = load(KernelPlan::fixed(1, {8}));
  std::vector<std::int32_t> values(8);
  TestTensor in({8}, values.data(), TestTensor::Kind{.device = DeviceType::CUDA});
  HostTensor out({8}, 0);
  EXPECT_THAT(execute(*handle, in, out.tensor), fails_with(ErrorCode::kInvalidArgument));
}

TEST_P(Shapes, AfterARefusedCallTheHandleRunsAsBefore) {
  const auto handle = load(KernelPlan::dynamic(1, 8));
  HostTensor in({2, 4}, 5);
  HostTensor wrong({9, 4}, 5);
  HostTensor out({8, 4}, 0, TensorShapeDynamism::DYNAMIC_BOUND);
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  ASSERT_THAT(execute(*handle, wrong.tensor, out.tensor), fails_with(ErrorCode::kInvalidArgument));
  ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_EQ(out.values[0], 6);
}

}  // namespace
}  // namespace etrt::test
