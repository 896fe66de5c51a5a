// etrt run: where a program runs, on how many streams, and what is measured.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/arrays.h>
#include <cli/packed.h>

namespace etrt::cli_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(RunOnDevice, AnEngineForAGpuSaysWhichItIsAndWhyItCannotRunHere) {
  for (const char* name : {"digits_tensorrt_rtx.pte", "digits_tensorrt_rtx_cuda_io.pte"}) {
    const Outcome outcome = run_etrt({"run", data(name)});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("nothing in this program runs on virtual:0"));
    EXPECT_THAT(outcome.err, HasSubstr("a TensorRT-RTX engine for linux_x86_64 of 347212 bytes"));
    EXPECT_THAT(outcome.err, HasSubstr("needs an NVIDIA GPU"));
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

TEST(RunOnDevice, ADeviceThatIsNotThereIsAClearError) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  EXPECT_THAT(run_etrt({"run", path, "--device", "cuda"}).err, HasSubstr("hidden by ETRT_CUDA_LIBRARY=none"));
  EXPECT_THAT(run_etrt({"run", path, "--device", "virtual:3"}).err, HasSubstr("device virtual:3 is not there"));
  EXPECT_EQ(run_etrt({"run", path, "--device", "virtual:3"}).exit_code, 1);
}

TEST(RunOnDevice, ADeviceCanBeChosenAndACompileSpecIsOnlyADefault) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"), {"--compile-spec", "device=virtual:1"});
  const std::vector<std::string> two{"ETRT_VGPU_DEVICES=2"};
  EXPECT_EQ(run_etrt({"run", path, "--json"}, two).json()["device"], "virtual:1");
  EXPECT_EQ(run_etrt({"run", path, "--device", "virtual:0", "--json"}, two).json()["device"], "virtual:0");
}

TEST(RunOnDevice, JsonHasWhatWasRunAndMeasured) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("eight_io.pte"));
  const auto json = run_etrt({"run", path, "--iterations", "20", "--warm-up", "2", "--streams", "2", "--json",
                              "--output-dir", directory.path("out")})
                        .json();
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["method"], "forward");
  EXPECT_EQ(json["device"], "virtual:0");
  EXPECT_EQ(json["payload"], "a host program of 6264 bytes");
  EXPECT_EQ(json["inputs"].size(), 8u);
  EXPECT_EQ(json["outputs"][7]["file"], directory.path("out/7.npy"));
  EXPECT_EQ(json["outputs"][7]["shape"], nlohmann::json({4, 8}));
  ASSERT_EQ(json["streams"].size(), 2u);
  for (const auto& stream : json["streams"]) {
    EXPECT_EQ(stream["count"], 20);
    EXPECT_LE(stream["min_us"], stream["p50_us"]);
    EXPECT_LE(stream["p50_us"], stream["p90_us"]);
    EXPECT_LE(stream["p90_us"], stream["p99_us"]);
    EXPECT_LE(stream["p99_us"], stream["max_us"]);
    EXPECT_TRUE(stream["partition"].is_null());
  }
}

TEST(RunOnDevice, DeviceResidentAndHostRunsGiveTheSameOutputs) {
  const TemporaryDirectory directory;
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{}, {"--caller-outputs"}, {"--cuda-io"}, {"--cuda-io", "--caller-outputs"}}) {
    const std::string path = packed(directory, program("eight_io.pte"), options);
    const Outcome resident =
        run_etrt({"run", path, "--device-resident", "--iterations", "5", "--output-dir", directory.path("resident")});
    ASSERT_EQ(resident.exit_code, 0) << resident;
    EXPECT_THAT(resident.out, HasSubstr("inputs and outputs in device memory"));
    ASSERT_EQ(run_etrt({"run", program("eight_io.pte"), "--output-dir", directory.path("host")}).exit_code, 0);
    for (const char* file : {"0.npy", "3.npy", "7.npy"}) {
      EXPECT_EQ(read_bytes(directory.path(std::string("resident/") + file)),
                read_bytes(directory.path(std::string("host/") + file)));
    }
  }
}

TEST(RunOnDevice, AProgramWithCudaLabelsKeepsItsTensorsOnTheDeviceUnasked) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"), {"--cuda-io"});
  const auto json = run_etrt({"run", path, "--json"}).json();
  ASSERT_TRUE(json.is_object());
  EXPECT_EQ(json["device_resident"], true);
}

TEST(RunOnDevice, EveryStreamGetsAPartitionOfItsOwnWhileThereAreSms) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  const Outcome outcome = run_etrt({"run", path, "--sms", "2", "--streams", "2", "--json"}, {"ETRT_VGPU_SMS=4"});
  EXPECT_THAT(outcome.err, IsEmpty());
  const auto json = outcome.json();
  ASSERT_TRUE(json.is_object()) << outcome;
  EXPECT_EQ(json["streams"][0]["sms"], 2);
  EXPECT_EQ(json["streams"][0]["partition"], 0);
  EXPECT_EQ(json["streams"][1]["partition"], 1);
}

TEST(RunOnDevice, StreamsThatHaveToShareAPartitionAreToldSo) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  const Outcome outcome = run_etrt({"run", path, "--sms", "3", "--streams", "2", "--json"}, {"ETRT_VGPU_SMS=4"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.err, HasSubstr("etrt: note: all 2 streams share one partition of 3 SMs"));
  const auto json = outcome.json();
  EXPECT_EQ(json["streams"][1]["partition"], 0);
}

TEST(RunOnDevice, APartitionLargerThanTheDeviceIsAnError) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  const Outcome outcome = run_etrt({"run", path, "--sms", "5"}, {"ETRT_VGPU_SMS=4"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("of 5 SMs cannot be made on virtual:0, which has 4"));
}

TEST(RunOnDevice, OptionsOfTheDelegateAreRefusedForAProgramWithoutIt) {
  const std::string path = digits("digits_xnnpack.pte");
  for (const std::vector<std::string>& option : {std::vector<std::string>{"--sms", "1"},
                                                 {"--device", "virtual"},
                                                 {"--max-inflight", "2"},
                                                 {"--warm-up-shapes", "1x1x8x8"},
                                                 {"--cuda-graph", "on"},
                                                 {"--lean-runtime-library", "libnvinfer_lean.so.8"},
                                                 {"--optimization-profile", "1"},
                                                 {"--weight-streaming-budget", "0"},
                                                 {"--device-memory-limit", "1000000"},
                                                 {"--pinned-memory-limit", "1000000"},
                                                 {"--tensorrt-library", "libnvinfer.so.11"},
                                                 {"--plugin-library", "libplugin.so"},
                                                 {"--allow-engine-code"},
                                                 {"--memory"},
                                                 {"--layers"},
                                                 {"--device-resident"}}) {
    std::vector<std::string> arguments{"run", path};
    arguments.insert(arguments.end(), option.begin(), option.end());
    const Outcome outcome = run_etrt(arguments);
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(option.front() + " needs a program delegated to TensorRTBackend"));
  }
}

TEST(RunOnDevice, CallsAreLaunchedAsGraphsWhereThatIsAsked) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  const auto run = [&](const char* mode) {
    return run_etrt({"run", path, "--device-resident", "--cuda-graph", mode, "--iterations", "6", "--memory", "--json"})
        .json()["memory"]["programs"][0];
  };
  EXPECT_EQ(run("on")["graph_launches"], 5);
  EXPECT_EQ(run("on")["graphs"], 1);
  EXPECT_EQ(run("off")["graph_launches"], 0);
  EXPECT_EQ(run("auto")["graph_launches"], 0) << "a host program is one launch";
  EXPECT_EQ(run_etrt({"run", path, "--cuda-graph", "yes"}).exit_code, 2);
}

TEST(RunOnDevice, OptionsOfTheDelegateReachIt) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, digits("digits_xnnpack.pte"));
  const struct {
    std::vector<std::string> options;
    const char* message;
  } refused[] = {
      {{"--warm-up-shapes", "1x2x8x8"}, "option 'warm_up': the shape [1, 2, 8, 8] for input "},
      {{"--warm-up-shapes", "1x1"}, " does not fit: give one within [0, 0, 0, 0] to [15, 1, 8, 8]"},
      {{"--optimization-profile", "1"}, "optimization_profile 1: a program variant has only profile 0"},
      {{"--warm-up-shapes", "1x1x8x8;" + std::string(300, ' ')}, "option 'warm_up' has 308 characters"},
  };
  for (const auto& one : refused) {
    std::vector<std::string> arguments{"run", path};
    arguments.insert(arguments.end(), one.options.begin(), one.options.end());
    const Outcome outcome = run_etrt(arguments);
    EXPECT_EQ(outcome.exit_code, 1) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr(one.message));
  }
  const Outcome all =
      run_etrt({"run", path, "--device", "virtual", "--max-inflight", "2", "--warm-up-shapes", "15x1x8x8; 1x1x8x8",
                "--optimization-profile", "0", "--weight-streaming-budget", "0", "--tensorrt-library",
                "libnvinfer.so.11", "--plugin-library", "a.so", "--plugin-library", "b.so", "--allow-engine-code"});
  EXPECT_EQ(all.exit_code, 0) << all;
}

TEST(RunOnDevice, MemoryTellsWhatIsHeldAndWhatCallsCost) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, digits("digits_xnnpack.pte"));
  const std::vector<std::string> arguments{"run", path, "--streams", "2", "--iterations", "5", "--memory"};
  const Outcome outcome = run_etrt(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("scratch 0 bytes of it"));
  std::vector<std::string> for_machines = arguments;
  for_machines.emplace_back("--json");
  const auto memory = run_etrt(for_machines).json()["memory"];
  ASSERT_EQ(memory["programs"].size(), 2u);
  for (const auto& held : memory["programs"]) {
    EXPECT_EQ(held["device"], "virtual:0");
    EXPECT_EQ(held["execution_contexts"], 1);
    EXPECT_GE(held["device_staging_bytes"], 15 * 64 * 4 + 15 * 10 * 4);
    EXPECT_EQ(held["calls"], 5);
    EXPECT_EQ(held["waiting_calls"], 5);
    EXPECT_EQ(held["shape_changes"], 1);
    EXPECT_GT(held["host_us_a_call"], 0);
    EXPECT_GE(held["slowest_us"], held["host_us_a_call"]);
  }
  const auto& device = memory["devices"][0];
  EXPECT_EQ(device["device"], "virtual:0");
  EXPECT_EQ(device["scratch_bytes"], 0);
  EXPECT_GE(device["device_bytes"], 2 * (15 * 64 * 4 + 15 * 10 * 4));
  EXPECT_GE(device["pinned_bytes"], 15 * 64 * 4 + 15 * 10 * 4);
  EXPECT_EQ(device["abandoned_bytes"], 0);
}

TEST(RunOnDevice, LimitsOfMemoryHoldForTheProcess) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, digits("digits_xnnpack.pte"));
  const std::vector<std::string> arguments{"run", path, "--streams", "2", "--iterations", "20", "--memory", "--json"};
  const auto with = [&](const std::vector<std::string>& limit) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), limit.begin(), limit.end());
    return run_etrt(all);
  };
  const Outcome held = with({"--device-memory-limit", "30000", "--pinned-memory-limit", "16384"});
  ASSERT_EQ(held.exit_code, 0) << held;
  const auto device = held.json()["memory"]["devices"][0];
  EXPECT_EQ(device["device_limit"], 30000);
  EXPECT_LE(device["device_bytes"], 30000);
  EXPECT_EQ(device["pinned_limit"], 16384);
  EXPECT_LE(device["pinned_bytes"], 16384);

  const Outcome no_device = with({"--device-memory-limit", "1000"});
  EXPECT_EQ(no_device.exit_code, 1) << no_device;
  EXPECT_THAT(no_device.err, HasSubstr("option 'device_memory_limit' is 1000 bytes on virtual:0"));
  const Outcome no_pinned = with({"--pinned-memory-limit", "1000"});
  EXPECT_EQ(no_pinned.exit_code, 1) << no_pinned;
  EXPECT_THAT(no_pinned.err, HasSubstr("option 'pinned_memory_limit' is 1000 bytes"));
}

TEST(RunOnDevice, WarmUpSparesTheFirstCallItsChangeOfShape) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, digits("digits_xnnpack.pte"));
  const auto changes = [&](const char* shapes) {
    return run_etrt({"run", path, "--memory", "--json", "--warm-up-shapes", shapes})
        .json()["memory"]["programs"][0]["shape_changes"];
  };
  EXPECT_EQ(changes("15x1x8x8"), 0);
  EXPECT_EQ(changes("15x1x8x8; 1x1x8x8"), 1) << "the last shape to be warmed up is the one that is set";
}

TEST(RunOnDevice, AHostProgramHasNoLayersAndSaysSoInOneLine) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  const Outcome outcome = run_etrt({"run", path, "--layers"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("no times of layers: what runs here has no layers to tell of\n"));
  EXPECT_EQ(run_etrt({"run", path, "--layers", "--json"}).json()["layers"].size(), 0u);
}

TEST(RunOnDevice, VerifyPartitionNamesTheSmsThatEachStreamKeepsTo) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("add_one_dynamic.pte"));
  for (const std::vector<std::string>& options : {std::vector<std::string>{}, {"--device-resident"}}) {
    std::vector<std::string> arguments{"run", path, "--sms", "2", "--streams", "2", "--verify-partition"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = run_etrt(arguments, {"ETRT_VGPU_SMS=4"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_THAT(outcome.out, HasSubstr("stream 0 on SMs 0-1: confined: all "));
    EXPECT_THAT(outcome.out, HasSubstr("stream 1 on SMs 2-3: confined: all "));
    arguments.emplace_back("--json");
    const auto checks = run_etrt(arguments, {"ETRT_VGPU_SMS=4"}).json()["partition_check"];
    ASSERT_EQ(checks.size(), 2u);
    EXPECT_EQ(checks[1]["confined"], true);
    EXPECT_EQ(checks[1]["sms"], nlohmann::json({2, 3}));
  }
}

TEST(RunOnDevice, NothingIsOutOfOrderForTheOrderChecker) {
  const TemporaryDirectory directory;
  const std::string path = packed(directory, program("eight_io.pte"));
  for (const std::vector<std::string>& options :
       {std::vector<std::string>{}, {"--device-resident"}, {"--device-resident", "--sms", "1"}}) {
    std::vector<std::string> arguments{"run", path, "--streams", "2", "--iterations", "50", "--max-inflight", "2"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const Outcome outcome = run_etrt(arguments, {"ETRT_VGPU_CHECK=1"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome;
    EXPECT_THAT(outcome.err, IsEmpty());
  }
}

}  // namespace
}  // namespace etrt::cli_test
