// From a plan's bytes to an engine: versions, types, what a plan may ask for, and the errors on the way.
#include <atomic>
#include <chrono>
#include <future>
#include <tensorrt/captured_log.h>
#include <tensorrt/tensorrt_fixture.h>
#include <thread>

#include <engine/engine_cache.h>

namespace etrt::engine::tensorrt {

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kNewerLibrary = fake_library("11_4");
const std::string kOlderLibrary = fake_library("11_0");

class TensorRtLoading : public TensorRtTest {
 protected:
  void SetUp() override {
    TensorRtTest::SetUp();
    if (!ready()) return;
    for (const std::string& library : {kNewerLibrary, kOlderLibrary}) {
      state_of(library).driver = &driver();
      state_of(library).kernel_image = provider().kernel_image();
    }
  }

  static EngineOptions library(const std::string& path) {
    EngineOptions options;
    options.tensorrt_library = path;
    return options;
  }
  static EngineOptions library_with_code(const std::string& path) {
    EngineOptions options = library(path);
    options.allow_engine_code = true;
    return options;
  }
  Status supports(const TensorRtLoader& loader, std::string_view target, const etrt::fake::Plan& plan) const {
    return loader.supports(cuda_device(), {target}, plan.serialize(), library(kFakeLibrary));
  }
  /// Whether a plan for `target` runs on a GPU of compute capability 8.9.
  Status supports_8_9(const Target& target) const {
    auto device = must(cuda::Device::open(driver(), 0, cuda_device().is_virtual));
    device.compute_major = 8;
    device.compute_minor = 9;
    return fake_loader().supports(device, target, fixed_plan({4}).serialize(), library(kFakeLibrary));
  }
};
ETRT_ON_EVERY_PROVIDER(TensorRtLoading);

TEST_P(TensorRtLoading, DescribesTheTensors) {
  const auto engine = load(fixed_plan({2, 3}, 2));
  const auto tensors = engine->tensors();
  ASSERT_EQ(tensors.size(), 3u);
  EXPECT_EQ(tensors[0].name, "x");
  EXPECT_TRUE(tensors[0].is_input);
  EXPECT_EQ(tensors[0].minimum, (Dims{2, 3}));
  EXPECT_EQ(tensors[0].maximum, (Dims{2, 3}));
  EXPECT_EQ(tensors[2].name, "y1");
  EXPECT_FALSE(tensors[2].is_input);
  EXPECT_EQ(engine->profile_count(), 1);
}

TEST_P(TensorRtLoading, EveryTypeThatExecuTorchHasIsMoved) {
  const std::pair<int, DataType> types[] = {{0, DataType::kFloat32}, {1, DataType::kFloat16}, {7, DataType::kBFloat16},
                                            {2, DataType::kInt8},    {5, DataType::kUInt8},   {3, DataType::kInt32},
                                            {8, DataType::kInt64},   {4, DataType::kBool}};
  for (const auto& [number, type] : types) {
    SCOPED_TRACE(name(type));
    auto plan = fixed_plan({64});
    plan.inputs[0].type = plan.outputs[0].type = number;
    plan.outputs[0].add = 0;
    const auto engine = load(plan);
    EXPECT_EQ(engine->tensors()[0].type, type);
    EXPECT_EQ(engine->tensors()[1].type, type);
    const auto words = static_cast<std::uint32_t>(64 * byte_size(type) / 4);
    const auto x = filled(words, 0x01010101);
    const auto y = filled(words, 0);
    const auto context = create_context(*engine);
    ASSERT_THAT(context->resolve_shapes(), is_ok());
    ASSERT_THAT(bind(*context, 0, x), is_ok());
    ASSERT_THAT(bind(*context, 1, y), is_ok());
    ASSERT_THAT(run(*context), is_ok());
    EXPECT_EQ(y.read(), x.read());
  }
}

TEST_P(TensorRtLoading, OtherTypesAreRefusedByName) {
  for (const int number : {6, 9, 10, 11}) {
    auto plan = fixed_plan({64});
    plan.outputs[0].type = number;
    EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kNotSupported,
                                           AllOf(HasSubstr("'y0'"), HasSubstr("data type " + std::to_string(number)))));
  }
}

TEST_P(TensorRtLoading, MemoryFormatsOtherThanLinearAreRefused) {
  auto plan = fixed_plan({64});
  plan.inputs[0].format = 8;
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kNotSupported, HasSubstr("'x' wants the memory format")));
}

TEST_P(TensorRtLoading, SizesOfMoreThan32BitsAreRefused) {
  EXPECT_THAT(try_load(fixed_plan({std::int64_t{1} << 40})),
              fails_with(ErrorCode::kNotSupported, HasSubstr("32 bits")));
}

TEST_P(TensorRtLoading, AnAliasOfNoInputIsRefused) {
  auto plan = fixed_plan({64});
  plan.outputs[0].alias = "nobody";
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kInvalidData, HasSubstr("'nobody'")));
}

TEST_P(TensorRtLoading, EveryEngineHasARuntimeOfItsOwnThatOutlivesIt) {
  ASSERT_EQ(state().runtimes, 0);
  auto first = load(fixed_plan({4}));
  const auto second = load(fixed_plan({8}));
  EXPECT_EQ(state().runtimes, 2);
  EXPECT_EQ(state().headers_version, 110100);
  first.reset();
  EXPECT_EQ(state().runtimes, 1);
  EXPECT_EQ(state().runtimes_ended_early, 0);
}

TEST_P(TensorRtLoading, EnginesOfDifferentPlansLoadSideBySide) {
  std::promise<void> first_is_loading;
  std::promise<void> second_is_loaded;
  std::atomic<int> loads = 0;
  state().while_loading = [&] {
    if (loads++ != 0) return;
    first_is_loading.set_value();
    EXPECT_EQ(second_is_loaded.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready)
        << "the second engine waits for the first";
  };
  std::unique_ptr<Engine> first;
  std::thread thread([&] { first = load(fixed_plan({4})); });
  first_is_loading.get_future().wait();
  const auto second = load(fixed_plan({8}));
  second_is_loaded.set_value();
  thread.join();
  state().while_loading = nullptr;
  EXPECT_NE(first, nullptr);
}

TEST_P(TensorRtLoading, AliasesAreKnownWhereThePlansWriterKnewThem) {
  auto plan = fixed_plan({64});
  plan.outputs[0].alias = "x";
  const auto engine = load(plan);
  EXPECT_TRUE(engine->knows_aliases());
  EXPECT_EQ(engine->tensors()[1].aliased_input, 0u);
}

TEST_P(TensorRtLoading, AnEngineFromBeforeAliasesIsNotAskedForThem) {
  capture_log();
  auto plan = fixed_plan({64});
  plan.outputs[0].alias = "x";
  plan.version = {10, 14, 0, 1};
  const auto engine = must(try_load(plan, library_with_code(kFakeLibrary)));
  EXPECT_FALSE(engine->knows_aliases());
  EXPECT_EQ(engine->tensors()[1].aliased_input, std::nullopt);
  EXPECT_EQ(log_lines_about("not supported for an engine"), 0);
}

TEST_P(TensorRtLoading, TheCacheSharesOneEngineAndTellsOptionsApart) {
  EngineCache cache;
  const auto plan = fixed_plan({4}).serialize();
  const auto load = [&](const EngineOptions& options) {
    return must(cache.load(fake_loader(), cuda_device(), plan, options));
  };
  const auto first = load(library(kFakeLibrary));
  EXPECT_EQ(load(library(kFakeLibrary)), first);
  EXPECT_EQ(state().engines_alive, 1);
  EXPECT_NE(load(library_with_code(kFakeLibrary)), first);
  EngineOptions with_plugin = library(kFakeLibrary);
  with_plugin.plugin_libraries = {"libmine.so"};
  EXPECT_NE(load(with_plugin), first);
  EngineOptions with_budget = library(kFakeLibrary);
  with_budget.weight_streaming_budget = 0;
  EXPECT_NE(load(with_budget), first);
}

TEST_P(TensorRtLoading, ARefusedPlanGivesTensorRtsReasonAndEveryVersion) {
  auto plan = fixed_plan({4});
  plan.failure = "engine";
  EXPECT_THAT(try_load(plan),
              fails_with(ErrorCode::kIncompatible,
                         AllOf(HasSubstr("TensorRT says: the engine needs compute capability 7.5 to 12.1"),
                               HasSubstr("written by TensorRT 11.1.0.106"), HasSubstr("library is TensorRT 11.1.0"),
                               HasSubstr(kFakeLibrary), HasSubstr("has compute capability"))));
}

TEST_P(TensorRtLoading, AnotherVersionsPlanIsRefusedUnread) {
  auto plan = fixed_plan({4});
  plan.version = {10, 3, 0, 26};
  plan.log = {{1, "it was read"}};
  EXPECT_THAT(try_load(plan),
              fails_with(ErrorCode::kIncompatible,
                         AllOf(HasSubstr("written by TensorRT 10.3.0.26"), HasSubstr("TensorRT 11.1.0 ("),
                               HasSubstr(kFakeLibrary), HasSubstr("has compute capability"),
                               HasSubstr("allow_engine_code"), ::testing::Not(HasSubstr("it was read")))));
}

TEST_P(TensorRtLoading, AVersionCompatiblePlanRunsWhereItsCodeIsAllowed) {
  auto plan = fixed_plan({4});
  plan.holds_code = true;
  EXPECT_THAT(try_load(plan, library(kNewerLibrary)), fails_with(ErrorCode::kIncompatible));
  EXPECT_THAT(try_load(plan, library_with_code(kNewerLibrary)), is_ok());
}

TEST_P(TensorRtLoading, APlansCodeIsNotAllowedUnasked) {
  auto plan = fixed_plan({4});
  plan.holds_code = true;
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kIncompatible, HasSubstr("holds code, which is not allowed")));
}

TEST_P(TensorRtLoading, ANewerPlanNeverRuns) {
  auto plan = fixed_plan({4});
  plan.version = {11, 2, 0, 1};
  EXPECT_THAT(try_load(plan, library_with_code(kFakeLibrary)), fails_with(ErrorCode::kIncompatible));
}

TEST_P(TensorRtLoading, PluginLibrariesAreLoadedFirstAndOnceForEveryEngine) {
  auto plan = fixed_plan({4});
  plan.plugins = {"libplugin.so"};
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kIncompatible, HasSubstr("no plugin of libplugin.so")));
  const int loaded = state().plugins_loaded;
  EngineOptions options = library(kFakeLibrary);
  options.plugin_libraries = {"libplugin.so", "libplugin.so"};
  EXPECT_THAT(try_load(plan, options), is_ok());
  EXPECT_EQ(state().plugins_loaded, loaded + 1);
  EXPECT_THAT(try_load(plan, options), is_ok());
}

TEST_P(TensorRtLoading, AMissingPluginLibraryIsNamed) {
  EngineOptions options = library(kFakeLibrary);
  options.plugin_libraries = {"libmissing.so"};
  EXPECT_THAT(try_load(fixed_plan({4}), options), fails_with(ErrorCode::kNotFound, HasSubstr("'libmissing.so'")));
}

TEST_P(TensorRtLoading, ALibraryThatMakesNoRuntimeIsAnError) {
  EXPECT_THAT(try_load(fixed_plan({4}), library(fake_library("no_runtime"))),
              fails_with(ErrorCode::kIncompatible, AllOf(HasSubstr("no runtime for headers of version 11.1.0"),
                                                         HasSubstr("CUDA initialization failure"))));
}

TEST_P(TensorRtLoading, ARuntimeThatIsASmallNumberIsNone) {
  EXPECT_THAT(try_load(fixed_plan({4}), library(fake_library("shifted_null"))),
              fails_with(ErrorCode::kIncompatible, HasSubstr("TensorRT gives no reason")));
}

TEST_P(TensorRtLoading, ALibraryOfAnotherMajorVersionIsRefused) {
  EXPECT_THAT(try_load(fixed_plan({4}), library(fake_library("10_3"))),
              fails_with(ErrorCode::kIncompatible,
                         AllOf(HasSubstr("is TensorRT 10.3.0"), HasSubstr("built with the headers of TensorRT 11.1"),
                               HasSubstr("has compute capability"))));
}

TEST_P(TensorRtLoading, ALibraryOlderThanTheHeadersIsRefusedBeforeItMakesAnything) {
  auto plan = fixed_plan({4});
  plan.version = {11, 0, 0, 1};
  EXPECT_THAT(try_load(plan, library(kOlderLibrary)),
              fails_with(ErrorCode::kIncompatible,
                         AllOf(HasSubstr(kOlderLibrary), HasSubstr("is TensorRT 11.0.0, older than the headers"),
                               HasSubstr("of TensorRT 11.1"), HasSubstr("Remedy: install TensorRT 11.1 or a later 11"),
                               HasSubstr("-DTensorRT_ROOT="))));
  EXPECT_EQ(state_of(kOlderLibrary).headers_version, 0) << "a runtime was asked for";
}

TEST_P(TensorRtLoading, APlanOfTheOtherProductIsRefused) {
  auto plan = fixed_plan({4});
  plan.tag = "vtrt";
  plan.version = {1, 7, 1, 116};
  EXPECT_THAT(try_load(plan), fails_with(ErrorCode::kInvalidData,
                                         AllOf(HasSubstr("TensorRT-RTX 1.7.1.116"), HasSubstr("one of TensorRT"))));
}

TEST_P(TensorRtLoading, ABuildWithoutHeadersSaysHowToGetThem) {
  const TensorRtLoader loader(Product::kTensorRt, nullptr, libraries());
  EXPECT_THAT(
      loader.load(cuda_device(), fixed_plan({4}).serialize(), library(kFakeLibrary)),
      fails_with(ErrorCode::kNotSupported, AllOf(HasSubstr("-DTensorRT_ROOT="), HasSubstr("TensorRT 11.1.0.106"),
                                                 HasSubstr(kFakeLibrary), HasSubstr("has compute capability"))));
}

TEST_P(TensorRtLoading, NvidiasLibrariesAreNotAskedOnTheVirtualGpu) {
  Adapter adapter = fake::adapter();
  adapter.needs_gpu = true;
  const TensorRtLoader loader(Product::kTensorRt, &adapter, libraries());
  if (cuda_device().is_virtual) {
    EXPECT_THAT(supports(loader, "", fixed_plan({4})),
                fails_with(ErrorCode::kIncompatible, HasSubstr("it needs an NVIDIA GPU")));
  } else {
    EXPECT_THAT(supports(loader, "", fixed_plan({4})), is_ok());
  }
}

TEST_P(TensorRtLoading, ATargetOfAnotherComputeCapabilityIsRefusedUnread) {
  EXPECT_THAT(supports(fake_loader(), "sm_37", fixed_plan({4})),
              fails_with(ErrorCode::kIncompatible, AllOf(HasSubstr("the plan is for compute capability 3.7"),
                                                         HasSubstr("has compute capability"))));
  EXPECT_THAT(supports(fake_loader(), "linux_x86_64", fixed_plan({4})), is_ok());
}

TEST_P(TensorRtLoading, AHardwareCompatiblePlanRunsOnNewerGpus) {
  EXPECT_THAT(supports_8_9({"sm_89"}), is_ok());
  EXPECT_THAT(supports_8_9({"sm_80"}), fails_with(ErrorCode::kIncompatible, HasSubstr("compute capability 8.0, ")));
  EXPECT_THAT(supports_8_9({"sm_80", true}), is_ok());
  EXPECT_THAT(supports_8_9({"sm_89", true}), is_ok());
  EXPECT_THAT(supports_8_9({"sm_90", true}),
              fails_with(ErrorCode::kIncompatible, HasSubstr("compute capability 9.0 and later, ")));
}

TEST_P(TensorRtLoading, HardwareCompatibilityWithNewerGpusBeginsWithAmpere) {
  EXPECT_THAT(supports_8_9({"sm_75", true}),
              fails_with(ErrorCode::kIncompatible, HasSubstr("compute capability 7.5, ")));
}

TEST_P(TensorRtLoading, TheCallersContextStaysCurrent) {
  ASSERT_THAT(driver().cuCtxSetCurrent(nullptr), is_ok());
  auto engine = try_load(fixed_plan({4}));
  EXPECT_EQ(current(), nullptr);
  EXPECT_THAT(engine, is_ok());
  must(std::move(engine)).reset();
  EXPECT_EQ(current(), nullptr);
  ASSERT_THAT(driver().cuCtxSetCurrent(primary()), is_ok());
}

TEST_P(TensorRtLoading, EveryFailingDriverCallIsAnErrorThatLeavesNothing) {
  const auto plan = open_plan({{{1}, {8}}, {{9}, {64}}});
  for (std::uint64_t nth = 1; nth < 100; ++nth) {
    calls().faults.clear();
    calls().faults.fail_any(nth, CUDA_ERROR_UNKNOWN);
    const auto engine = try_load(plan);
    if (calls().faults.delivered() == 0) {
      EXPECT_THAT(engine, is_ok());
      EXPECT_GT(nth, 2u) << "no call was made to fail";
      return;
    }
  }
  FAIL() << "loading makes more driver calls than that";
}

}  // namespace
}  // namespace etrt::engine::tensorrt
