// Backend options and compile specs.

#include <cstring>

#include <gtest/gtest.h>

#include <delegate/load/options.h>
#include <etrt/options.h>
#include <support/matchers.h>

namespace etrt::test {
namespace {

namespace et = executorch::runtime;
using delegate::GraphMode;
using delegate::Options;
using delegate::read_options;
using support::fails_with;
using support::is_ok;

et::CompileSpec spec(const char* key, const char* text) {
  return {key, {const_cast<char*>(text), std::strlen(text)}};
}

Result<Options> read(std::vector<et::BackendOption> options, std::vector<et::CompileSpec> specs = {}) {
  return read_options({options.data(), options.size()}, {specs.data(), specs.size()});
}

template <class Value>
et::BackendOption option(const char* key, Value value) {
  et::BackendOption result;
  std::strncpy(result.key, key, sizeof(result.key) - 1);
  if constexpr (std::is_same_v<Value, const char*>) {
    std::array<char, et::kMaxOptionValueLength> text{};
    std::strncpy(text.data(), value, text.size() - 1);
    result.value = text;
  } else {
    result.value = value;
  }
  return result;
}

/// The error names the option.
void expect_refused(const Result<Options>& result, const std::string& key) {
  ASSERT_THAT(result, fails_with(ErrorCode::kInvalidArgument));
  EXPECT_NE(result.error().message().find("'" + key + "'"), std::string::npos) << result.error().message();
}

TEST(DelegateOptions, HaveDefaults) {
  const auto options = read({});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->device, "auto");
  EXPECT_EQ(options->max_inflight, 4);
  EXPECT_EQ(options->optimization_profile, std::nullopt);
  EXPECT_EQ(options->cuda_graph, GraphMode::kAuto);
  EXPECT_EQ(options->engine.weight_streaming_budget, std::nullopt);
}

TEST(DelegateOptions, HaveAModeOfGraphs) {
  EXPECT_EQ(read({option(kOptionCudaGraph, "off")})->cuda_graph, GraphMode::kOff);
  EXPECT_EQ(read({option(kOptionCudaGraph, "on")})->cuda_graph, GraphMode::kOn);
  EXPECT_EQ(read({}, {spec(kOptionCudaGraph, "auto")})->cuda_graph, GraphMode::kAuto);
  expect_refused(read({option(kOptionCudaGraph, "yes")}), kOptionCudaGraph);
  expect_refused(read({option(kOptionCudaGraph, 1)}), kOptionCudaGraph);
}

TEST(DelegateOptions, HaveWarmUpShapes) {
  const auto options = read({option(kOptionWarmUp, "2x4; 3x4")});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->warm_up.size(), 2u);
  expect_refused(read({option(kOptionWarmUp, "2by4")}), kOptionWarmUp);
  expect_refused(read({option(kOptionWarmUp, 3)}), kOptionWarmUp);
}

TEST(DelegateOptions, ThatDecideWhatCodeRunsAreTheApplicationsAlone) {
  const auto options = read({option(kOptionTensorRtLibrary, "/opt/libnvinfer.so"), option(kOptionAllowEngineCode, 1),
                             option(kOptionPluginLibraries, "a.so:b.so"),
                             option(kOptionLeanRuntimeLibrary, "/opt/libnvinfer_lean.so.8")});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->engine.tensorrt_library, "/opt/libnvinfer.so");
  EXPECT_EQ(options->engine.plugin_libraries, (std::vector<std::string>{"a.so", "b.so"}));
  EXPECT_TRUE(options->engine.allow_engine_code);
  EXPECT_EQ(options->engine.lean_runtime_library, "/opt/libnvinfer_lean.so.8");
  expect_refused(read({}, {spec(kOptionTensorRtLibrary, "/tmp/evil.so")}), kOptionTensorRtLibrary);
  expect_refused(read({}, {spec(kOptionPluginLibraries, "/tmp/evil.so")}), kOptionPluginLibraries);
  expect_refused(read({}, {spec(kOptionAllowEngineCode, "1")}), kOptionAllowEngineCode);
  expect_refused(read({}, {spec(kOptionLeanRuntimeLibrary, "/tmp/evil.so")}), kOptionLeanRuntimeLibrary);
}

TEST(DelegateOptions, ThatLimitMemoryAreTheApplicationsAlone) {
  const auto options = read({option(kOptionDeviceMemoryLimit, "5000000000"), option(kOptionPinnedMemoryLimit, 4096)});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->memory.device, 5000000000u);
  EXPECT_EQ(options->memory.pinned, 4096u);
  for (const char* key : {kOptionDeviceMemoryLimit, kOptionPinnedMemoryLimit}) {
    expect_refused(read({option(key, "0")}), key);
    expect_refused(read({option(key, "64M")}), key);
    expect_refused(read({option(key, -1)}), key);
    expect_refused(read({}, {spec(key, "1000")}), key);
  }
  EXPECT_EQ(read({})->memory.device, std::nullopt);
}

TEST(DelegateOptions, AreReadFromBackendOptions) {
  const auto options =
      read({option(kOptionDevice, "virtual:1"), option(kOptionMaxInflight, 7), option(kOptionOptimizationProfile, 2),
            option(kOptionWeightStreamingBudget, "5000000000")});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->device, "virtual:1");
  EXPECT_EQ(options->max_inflight, 7);
  EXPECT_EQ(options->optimization_profile, 2);
  EXPECT_EQ(options->engine.weight_streaming_budget, 5000000000);
}

TEST(DelegateOptions, AreReadFromCompileSpecs) {
  const auto options =
      read({}, {spec("device", "cuda:1"), spec("max_inflight", "2"), spec("weight_streaming_budget", "0")});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->device, "cuda:1");
  EXPECT_EQ(options->max_inflight, 2);
  EXPECT_EQ(options->engine.weight_streaming_budget, 0);
}

TEST(DelegateOptions, ABackendOptionComesBeforeACompileSpec) {
  const auto options = read({option(kOptionWeightStreamingBudget, 7)}, {spec("weight_streaming_budget", "9")});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->engine.weight_streaming_budget, 7);
}

TEST(DelegateOptions, AMalformedCompileSpecIsAnErrorEvenUnderAnOption) {
  expect_refused(read({option(kOptionWeightStreamingBudget, 7)}, {spec("weight_streaming_budget", "much")}),
                 "weight_streaming_budget");
}

TEST(DelegateOptions, HoldTheDeviceThatTheExporterLabelled) {
  EXPECT_EQ(read({})->labelled_device, std::nullopt);
  EXPECT_EQ(read({}, {spec("target_device", "cuda:1")})->labelled_device, 1);
  for (const char* text : {"", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:1000", "npu:0"}) {
    const auto options = read({}, {spec("target_device", text)});
    ASSERT_THAT(options, is_ok()) << text;
    EXPECT_EQ(options->labelled_device, std::nullopt) << text;
  }
}

TEST(DelegateOptions, SayWhatFollowsWhenAGpuRefuses) {
  EXPECT_EQ(read({})->fallback, delegate::Fallback::kError);
  EXPECT_EQ(read({option(kOptionFallback, "virtual")})->fallback, delegate::Fallback::kVirtual);
  EXPECT_EQ(read({option(kOptionFallback, "error")}, {spec("fallback", "virtual")})->fallback,
            delegate::Fallback::kError);
  expect_refused(read({option(kOptionFallback, "cpu")}), kOptionFallback);
  expect_refused(read({option(kOptionFallback, 1)}), kOptionFallback);
}

TEST(DelegateOptions, ADeviceThatIsNoneIsAnErrorThatNamesTheOption) {
  for (const char* text : {"gpu", "cuda:", "cuda:x", "virtual:-1", "cuda:0 ", "CUDA"}) {
    const auto refused = read({option(kOptionDevice, text)});
    ASSERT_THAT(refused, fails_with(ErrorCode::kInvalidArgument)) << text;
    EXPECT_EQ(refused.error().message(),
              "option 'device': '" + std::string(text) + "' is no device name: use auto, cuda:N, virtual or virtual:N");
    expect_refused(read({}, {spec("device", text)}), "device");
  }
}

TEST(DelegateOptions, ThatAreUnknownAreErrorsThatNameThem) {
  expect_refused(read({option("max_infligt", 1)}), "max_infligt");
}

TEST(DelegateOptions, UnknownCompileSpecsOfNewerExportersArePassedOver) {
  const auto options = read(
      {}, {spec("refit_cache", "1"), spec("refit_cache", "2"), {"weights", {nullptr, 4}}, spec("max_inflight", "2")});
  ASSERT_THAT(options, is_ok());
  EXPECT_EQ(options->max_inflight, 2);
  EXPECT_FALSE(delegate::is_known_spec("refit_cache"));
  EXPECT_TRUE(delegate::is_known_spec("max_inflight"));
  EXPECT_TRUE(delegate::is_known_spec("target_device"));
}

TEST(DelegateOptions, WrongTypesAreErrorsThatNameTheKey) {
  expect_refused(read({option(kOptionDevice, 3)}), "device");
  expect_refused(read({option(kOptionDevice, true)}), "device");
  expect_refused(read({option(kOptionMaxInflight, true)}), "max_inflight");
}

TEST(DelegateOptions, ValuesOutOfRangeAreErrorsThatNameTheKey) {
  for (const int value : {0, -1, 65}) expect_refused(read({option(kOptionMaxInflight, value)}), "max_inflight");
  expect_refused(read({option(kOptionOptimizationProfile, -1)}), "optimization_profile");
  expect_refused(read({option(kOptionWeightStreamingBudget, -5)}), "weight_streaming_budget");
}

TEST(DelegateOptions, TextThatIsNoNumberIsAnError) {
  for (const char* text : {"", " 1", "1 ", "0x10", "1e9", "-1", "99999999999999999999", "1\n"}) {
    expect_refused(read({}, {spec("weight_streaming_budget", text)}), "weight_streaming_budget");
  }
}

TEST(DelegateOptions, AKeyGivenTwiceIsAnError) {
  expect_refused(read({}, {spec("max_inflight", "1"), spec("max_inflight", "1")}), "max_inflight");
  expect_refused(read({option(kOptionMaxInflight, 1), option(kOptionMaxInflight, 2)}), "max_inflight");
}

TEST(DelegateOptions, ASpecWithoutKeyOrBufferIsAnError) {
  EXPECT_THAT(read({}, {{nullptr, {nullptr, 0}}}), fails_with(ErrorCode::kInvalidArgument));
  expect_refused(read({}, {{"max_inflight", {nullptr, 4}}}), "max_inflight");
}

TEST(DelegateOptions, NoCompileSpecsAtAllAreFine) {
  EXPECT_THAT(read_options({}, {static_cast<et::CompileSpec*>(nullptr), std::size_t{0}}), is_ok());
}

}  // namespace
}  // namespace etrt::test
