// The option warm_up: shapes that a program is run with when it is loaded.

#include <cstring>
#include <delegate_fixture.h>
#include <fstream>
#include <iterator>

#include <executorch/runtime/backend/interface.h>

#include <blob/blob_writer.h>
#include <delegate/load/warm_up.h>
#include <etrt/options.h>
#include <etrt/report.h>

namespace etrt::test {
namespace {

using delegate::parse_shape_sets;
using delegate::ShapeSet;
using engine::Dims;

TEST(WarmUpShapes, AreSetsOfOneShapeAnInput) {
  const auto sets = parse_shape_sets("2x4,scalar; 15x1x8x8 , 0");
  ASSERT_THAT(sets, is_ok());
  EXPECT_EQ(*sets, (std::vector<ShapeSet>{{Dims{2, 4}, Dims()}, {Dims{15, 1, 8, 8}, Dims{0}}}));
  EXPECT_TRUE(must(parse_shape_sets("")).empty());
}

TEST(WarmUpShapes, ThatAreMalformedAreRefused) {
  for (const char* text : {"x", "2x", "2xx4", "-1", "2.5", "a", "2;;3", "1x1x1x1x1x1x1x1x1", "99999999999"}) {
    EXPECT_THAT(parse_shape_sets(text), fails_with(ErrorCode::kInvalidArgument)) << text;
  }
}

class WarmUp : public DelegateTest {
 protected:
  Result<std::unique_ptr<delegate::Handle>> load_warm(const KernelPlan& plan, std::vector<ShapeSet> sets) const {
    delegate::Options options;
    options.warm_up = std::move(sets);
    return try_load(blob_of(plan), options);
  }
};
ETRT_ON_EVERY_DEVICE(WarmUp);

TEST_P(WarmUp, LetsTheFirstCallBeCaptured) {
  const auto handle = load_warm(KernelPlan::dynamic(1, 8), {{Dims{3, 4}}, {Dims{2, 4}}});
  ASSERT_THAT(handle, is_ok());
  DeviceTensor in(device(), {2, 4}, 5);
  DeviceTensor out(device(), {2, 4}, 0);
  const Stream stream = create_stream();
  const auto exec = capture(stream, [&] {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(**handle, in.tensor, out.tensor), is_ok());
  });
  ASSERT_THAT(driver().cuGraphLaunch(exec.get(), stream.get()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(out.read(), std::vector<std::int32_t>(8, 6));
}

TEST_P(WarmUp, CountsNoCallOfTheCallers) {
  const auto handle = load_warm(KernelPlan::dynamic(1, 8), {{Dims{3, 4}}});
  ASSERT_THAT(handle, is_ok());
  EXPECT_EQ(report().programs.back().calls, 0u);
}

TEST_P(WarmUp, OfAShapeThatDoesNotFitFailsTheLoadAndLeavesNothingBehind) {
  EXPECT_THAT(load_warm(KernelPlan::dynamic(1, 8), {{Dims{9, 4}}}), fails_with(ErrorCode::kInvalidArgument));
  EXPECT_THAT(load_warm(KernelPlan::dynamic(1, 8), {{Dims{2, 4}, Dims{2, 4}}}),
              fails_with(ErrorCode::kInvalidArgument));
}

TEST_P(WarmUp, OfEmptyTensorsRuns) {
  EXPECT_THAT(load_warm(KernelPlan::dynamic(0, 8), {{Dims{0, 4}}}), is_ok());
}

TEST_P(WarmUp, OfAShapeThatDoesNotFitNamesItAndTheInputAndTheBoundsBeforeAnySetIsRun) {
  for (const Dims& shape : {Dims{1}, Dims{9, 4}, Dims{2, 4, 1}, Dims()}) {
    const auto handle = load_warm(KernelPlan::dynamic(1, 8), {{Dims{2, 4}}, {shape}});
    ASSERT_THAT(handle, fails_with(ErrorCode::kInvalidArgument));
    EXPECT_EQ(handle.error().message(), "option 'warm_up': the shape " + engine::to_string(shape) +
                                            " for input 'in0' does not fit: give one within [1, 4] to [8, 4]");
    EXPECT_EQ(calls(Symbol::k_cuMemsetD8Async), 0u);
  }
}

TEST_P(WarmUp, OfATensorWhoseStridesDoNotFitExecuTorchsIsRefused) {
  KernelPlan plan;
  plan.inputs = {{"in0", {1, 1, 1}, {1, 65536, 65536}}};
  plan.outputs.push_back({.name = "out0", .of = 0, .add = 1});
  const auto handle = load_warm(plan, {{Dims{1, 1, 1}}});
  ASSERT_THAT(handle, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(handle.error().message().find("output 'out0' of shape [1, 65536, 65536] is too large"), std::string::npos)
      << handle.error().message();
}

// The order checker finds memory that is freed while the warm-up's stream still zeroes it.
TEST_P(WarmUp, InWhichADriverCallFailsLeavesNothingInFlight) {
  const KernelPlan plan = KernelPlan::fixed(2, {8});
  for (std::uint64_t nth = 1;; ++nth) {
    hook().faults.clear();
    hook().faults.fail_any(nth, CUDA_ERROR_OUT_OF_MEMORY);
    const auto handle = load_warm(plan, {{Dims{8}, Dims{8}}});
    const bool delivered = hook().faults.delivered() > 0;
    hook().faults.clear();
    ASSERT_LT(nth, 500u) << "500 calls and no end";
    if (delivered) continue;
    EXPECT_THAT(handle, is_ok());
    break;
  }
}

/// Programs that TensorRT has no engine for: inputs in another order of dimensions.
class WarmUpOfPrograms : public WarmUp {
 protected:
  static std::vector<std::byte> channels_last() {
    std::ifstream file(ETRT_TEST_DATA "/programs/channels_last.pte", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    blob::Metadata metadata;
    metadata.io_bindings = {{.name = "x"}, {.name = "y", .is_input = false}};
    const blob::Payload payload{"program", "host", std::as_bytes(std::span(text))};
    return must(blob::write_blob(metadata, {}, {&payload, 1}));
  }

  /// Loads it as ExecuTorch does, with the shapes in a compile spec of the program.
  static executorch::runtime::Error load_with_spec(const char* shapes) {
    namespace et = executorch::runtime;
    const auto blob = channels_last();
    et::CompileSpec spec{kOptionWarmUp, {const_cast<char*>(shapes), std::strlen(shapes)}};
    et::BackendInitContext context(nullptr);
    et::FreeableBuffer processed(blob.data(), blob.size(), nullptr);
    et::BackendInterface& backend = *et::get_backend_class(kBackendId);
    const auto handle = backend.init(context, &processed, {&spec, 1});
    if (handle.ok()) backend.destroy(*handle);
    return handle.error();
  }
};
INSTANTIATE_TEST_SUITE_P(On, WarmUpOfPrograms, ::testing::Values("virtual:0"),
                         [](const auto&) { return std::string("virtual"); });

TEST_P(WarmUpOfPrograms, KeepTheProgramsOrderOfDimensions) {
  delegate::Options options;
  options.warm_up = {{Dims{1, 3, 4, 4}}};
  EXPECT_THAT(try_load(channels_last(), options), is_ok());
}

TEST_P(WarmUpOfPrograms, OfAnotherRankThanTheInputsAreRefused) {
  for (const Dims& shape : {Dims{1, 1}, Dims{1, 3, 4, 4, 1, 1, 1, 1}, Dims()}) {
    delegate::Options options;
    options.warm_up = {{shape}};
    const auto handle = try_load(channels_last(), options);
    ASSERT_THAT(handle, fails_with(ErrorCode::kInvalidArgument));
    EXPECT_EQ(handle.error().message(), "option 'warm_up': the shape " + engine::to_string(shape) +
                                            " for input 'x' does not fit: give one within [1, 3, 4, 4]");
  }
}

TEST_P(WarmUpOfPrograms, FromACompileSpecAreCheckedAsWell) {
  namespace et = executorch::runtime;
  EXPECT_EQ(load_with_spec("1x1"), et::Error::InvalidArgument);
  EXPECT_EQ(load_with_spec("2147483647x3x4x4"), et::Error::InvalidArgument);
  EXPECT_EQ(load_with_spec("1x3x4x4"), et::Error::Ok);
}

}  // namespace
}  // namespace etrt::test
