// How the program's arguments and the blob's metadata meet the engine's tensors.
#include <tensorrt/tensorrt_delegate_fixture.h>

#include <base/try.h>
#include <blob/format.h>

namespace etrt::test {
namespace {

using engine::tensorrt::fixed_plan;
using engine::tensorrt::open_plan;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

class TensorRtBindings : public TensorRtDelegate {
 protected:
  Status run_scalars(const std::vector<std::int64_t>& engine_dims, std::vector<std::int32_t> in_sizes,
                     std::vector<std::int32_t> out_sizes) const {
    const auto handle = load(fixed_plan(engine_dims));
    HostTensor in(std::move(in_sizes), 41);
    HostTensor out(std::move(out_sizes), 0);
    ETRT_TRY(execute(*handle, in.tensor, out.tensor));
    EXPECT_THAT(out.values, Each(42));
    return {};
  }

  static blob::AliasedIo alias(const std::string& input, std::string_view kind) {
    return {.output = "y0", .input = input, .kind = std::string(kind)};
  }
  /// Of an engine with the inputs x and z, whose output y0 shares the memory of `known`, or of none.
  Result<std::unique_ptr<delegate::Handle>> load_aliased(const std::string& known, const blob::AliasedIo& told,
                                                         std::vector<int> writer = {11, 1, 0, 106}) const {
    auto plan = fixed_plan({8});
    plan.inputs.push_back({.name = "z", .dims = {8}});
    plan.outputs[0].alias = known;
    plan.version = std::move(writer);
    auto metadata = metadata_of(plan);
    metadata.aliased_io = {told};
    delegate::Options options;
    options.engine.allow_engine_code = true;
    return try_load(plan, metadata, options);
  }
};
ETRT_ON_EVERY_DEVICE(TensorRtBindings);

TEST_P(TensorRtBindings, AScalarMayBeOfRank0OnOneSideAndOneElementOnTheOther) {
  EXPECT_THAT(run_scalars({1}, {}, {}), is_ok());
  EXPECT_THAT(run_scalars({1}, {1}, {}), is_ok());
  EXPECT_THAT(run_scalars({1}, {}, {1}), is_ok());
  EXPECT_THAT(run_scalars({}, {1}, {1}), is_ok());
  EXPECT_THAT(run_scalars({}, {}, {1}), is_ok());
}

TEST_P(TensorRtBindings, AScalarMayMeetAnOpenShape) {
  const auto handle = load(open_plan({{{1}, {8}}}));
  HostTensor in({}, 41);
  HostTensor out({}, 0);
  EXPECT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
  EXPECT_THAT(out.values, Each(42));
}

TEST_P(TensorRtBindings, OtherRanksAreRefused) {
  using engine::tensorrt::fails_with;
  EXPECT_THAT(run_scalars({2}, {}, {2}), fails_with(ErrorCode::kInvalidArgument, HasSubstr("has shape [1]")));
  EXPECT_THAT(run_scalars({2}, {2}, {}), fails_with(ErrorCode::kInvalidArgument, HasSubstr("cannot be resized")));
  EXPECT_THAT(run_scalars({}, {2}, {1}), fails_with(ErrorCode::kInvalidArgument, HasSubstr("has rank 1")));
  EXPECT_THAT(run_scalars({1}, {1, 1}, {1}), fails_with(ErrorCode::kInvalidArgument, HasSubstr("has rank 2")));
}

TEST_P(TensorRtBindings, TheBlobMayCallAScalarOneElement) {
  const auto plan = fixed_plan({});
  auto metadata = metadata_of(plan);
  for (auto& binding : metadata.io_bindings) binding.shape = binding.min_shape = binding.max_shape = {1};
  EXPECT_THAT(try_load(plan, metadata), is_ok());
}

TEST_P(TensorRtBindings, ABlobThatListsNoneHasThoseOfTheEngine) {
  auto plan = fixed_plan({8}, 2);
  plan.inputs.push_back({.name = "z", .dims = {4}});
  plan.outputs[1].of = 1;
  const auto handle = must(try_load(plan, blob::Metadata{}));
  HostTensor x({8}, 41);
  HostTensor z({4}, 5);
  HostTensor y0({8}, 0);
  HostTensor y1({4}, 0);
  ASSERT_THAT(execute(*handle, {x.tensor.value(), z.tensor.value(), y0.tensor.value(), y1.tensor.value()}), is_ok());
  EXPECT_THAT(y0.values, Each(42));
  EXPECT_THAT(y1.values, Each(7));
}

TEST_P(TensorRtBindings, ACacheAliasThatTheEngineDoesNotKnowIsRefused) {
  EXPECT_THAT(
      load_aliased("", alias("x", blob::kAliasKvCacheUpdate)),
      engine::tensorrt::fails_with(ErrorCode::kInvalidData, AllOf(HasSubstr("output 'y0' is the memory of input 'x'"),
                                                                  HasSubstr("the engine says of none"))));
}

TEST_P(TensorRtBindings, AnAliasOfAnotherInputThanTheEnginesIsRefused) {
  for (const auto kind : {blob::kAliasKvCacheUpdate, blob::kAliasUser}) {
    EXPECT_THAT(load_aliased("x", alias("z", kind)),
                engine::tensorrt::fails_with(ErrorCode::kInvalidData, HasSubstr("the engine says of input 'x'")));
  }
}

TEST_P(TensorRtBindings, AliasesThatTheEngineConfirmsAreTaken) {
  for (const auto kind : {blob::kAliasKvCacheUpdate, blob::kAliasUser}) {
    EXPECT_THAT(load_aliased("x", alias("x", kind)), is_ok());
  }
}

TEST_P(TensorRtBindings, AliasesThatTensorRtCannotTellOfAreTrusted) {
  EXPECT_THAT(load_aliased("", alias("x", blob::kAliasUser)), is_ok());
  EXPECT_THAT(load_aliased("x", alias("x", blob::kAliasKvCacheUpdate), {10, 14, 0, 1}), is_ok());
}

TEST_P(TensorRtBindings, ASwitchOfProfilesOutlivesTheTensorsOfEarlierCalls) {
  auto plan = open_plan({{{1, 4}, {8, 4}}, {{9, 4}, {64, 4}}});
  delegate::Options options;
  options.max_inflight = 1;
  const auto handle = must(try_load(plan, options));
  for (const std::int32_t rows : {2, 64, 3, 9}) {
    DeviceTensor in(device(), {rows, 4}, 41);
    DeviceTensor out(device(), {rows, 4}, 0);
    ASSERT_THAT(execute(*handle, in.tensor, out.tensor), is_ok());
    EXPECT_THAT(out.read(), Each(42));
  }
}

}  // namespace
}  // namespace etrt::test
