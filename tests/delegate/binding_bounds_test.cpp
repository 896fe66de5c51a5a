// What a blob says of shapes narrows the engine's ranges, and may not contradict them.

#include <delegate_fixture.h>

#include <blob/blob_writer.h>
#include <delegate/load/binding_bounds.h>

namespace etrt::test {
namespace {

using delegate::narrow;
using engine::Dims;
using ::testing::HasSubstr;
using Shape = std::vector<std::int64_t>;

constexpr std::int64_t kHuge = INT64_MAX;

engine::TensorInfo tensor(Dims minimum, Dims maximum, bool is_input = true) {
  engine::TensorInfo info;
  info.name = "x";
  info.is_input = is_input;
  info.minimum = minimum;
  info.maximum = maximum;
  return info;
}

blob::Binding binding(Shape shape, Shape minimum = {}, Shape maximum = {}) {
  return {.name = "x",
          .dtype = "float32",
          .shape = std::move(shape),
          .min_shape = std::move(minimum),
          .max_shape = std::move(maximum)};
}

TEST(BindingBounds, OfTheBlobNarrowTheEngines) {
  const struct {
    blob::Binding binding;
    Dims minimum;
    Dims maximum;
  } cases[] = {
      {{.name = "x"}, {1, 2}, {64, 16}},  // says nothing
      {binding({-1, -1}), {1, 2}, {64, 16}},
      {binding({-1, -1}, {}, {32, 16}), {1, 2}, {32, 16}},
      {binding({-1, -1}, {8, 2}), {8, 2}, {64, 16}},
      {binding({-1, 16}, {8, 16}, {32, 16}), {8, 16}, {32, 16}},
      {binding({5, 7}), {5, 7}, {5, 7}},
      {binding({-1, 7}), {1, 7}, {64, 7}},
  };
  for (const auto& one : cases) {
    auto info = tensor({1, 2}, {64, 16});
    ASSERT_THAT(narrow(info, one.binding), is_ok());
    EXPECT_EQ(info.minimum, one.minimum) << engine::to_string(info.minimum);
    EXPECT_EQ(info.maximum, one.maximum) << engine::to_string(info.maximum);
  }
}

TEST(BindingBounds, ThatContradictTheEnginesAreInvalidData) {
  const Shape sixteen(16, -1);
  const blob::Binding cases[] = {
      binding({-1, -1, -1, -1}, {0, 0, 0, 0}, Shape(4, kHuge)),
      binding(sixteen, Shape(16, 0), Shape(16, 65536)),
      binding({-1, -1}, {}, {kHuge, 16}),
      binding({-1, -1}, {}, {65, 16}),
      binding({-1, -1}, {0, 2}),
      binding({500, 7}),
      binding({kHuge, 7}),
      binding({5, 7, 9}),
      binding({}),
      binding({-1}),
  };
  for (const bool is_input : {true, false}) {
    for (const blob::Binding& one : cases) {
      auto info = tensor({1, 2}, {64, 16}, is_input);
      const Status status = narrow(info, one);
      ASSERT_THAT(status, fails_with(ErrorCode::kInvalidData)) << one.shape.size();
      EXPECT_THAT(status.error().message(), HasSubstr("binding 'x'"));
      EXPECT_THAT(status.error().message(),
                  HasSubstr(is_input ? "the engine takes [1, 2] to [64, 16]" : "the engine gives [1, 2] to [64, 16]"));
    }
  }
  auto fixed = tensor({64, 16}, {64, 16});
  EXPECT_THAT(narrow(fixed, binding({5, 7})), fails_with(ErrorCode::kInvalidData));
}

TEST(BindingBounds, OfANumberMayBeAScalarOrOneElement) {
  for (const auto& [said, engines] : {std::pair(Shape{}, Dims{1}), std::pair(Shape{1}, Dims{})}) {
    auto info = tensor(engines, engines);
    EXPECT_THAT(narrow(info, binding(said)), is_ok());
    EXPECT_EQ(info.maximum, engines);
  }
}

TEST(BindingBounds, OfADataDependentOutputAreTheBlobsAlone) {
  auto info = tensor({0, 4}, {INT32_MAX, 4}, false);
  info.data_dependent = true;
  for (const blob::Binding& one : {binding({-1, 4}, {0, 4}, {100, 4}), binding({-1, 4}, {}, {100, 4})}) {
    auto bounded = info;
    ASSERT_THAT(narrow(bounded, one), is_ok());
    EXPECT_EQ(bounded.maximum, (Dims{100, 4}));
  }
  for (const blob::Binding& one : {binding({-1, 4}), binding({-1}, {}, {100}), binding({-1, 4}, {}, {kHuge, 4})}) {
    auto refused = info;
    EXPECT_THAT(narrow(refused, one), fails_with(ErrorCode::kInvalidData));
  }
}

class Bounds : public DelegateTest {};
ETRT_ON_EVERY_DEVICE(Bounds);

TEST_P(Bounds, OfAProgramThatContradictItsEngineAreRefusedAtLoad) {
  const auto plan = KernelPlan::dynamic(1, 64);
  const auto bytes = plan.serialize();
  const blob::Payload payload{support::kKernelEngineKind, "anywhere", bytes};
  const auto load_with = [&](const Shape& input) {
    blob::Metadata metadata;
    metadata.io_bindings = {{.name = plan.inputs[0].name, .dtype = "int32", .shape = input, .is_input = true},
                            {.name = plan.outputs[0].name, .is_input = false}};
    return try_load(must(blob::write_blob(metadata, {}, {&payload, 1})));
  };
  EXPECT_THAT(load_with({-1, 4}), is_ok());
  EXPECT_THAT(load_with({8, 4}), is_ok());
  for (const Shape& shape : {Shape{-1, 5}, Shape{65, 4}, Shape{-1, 4, 1}, Shape{4}}) {
    EXPECT_THAT(load_with(shape), fails_with(ErrorCode::kInvalidData));
  }
}

}  // namespace
}  // namespace etrt::test
