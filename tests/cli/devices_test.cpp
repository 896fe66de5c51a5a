#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cli/process.h>

namespace etrt::cli_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Devices, SaysWhatIsThereAndWhyNoGpuIs) {
  const Outcome outcome = run_etrt({"devices"}, {"ETRT_VGPU_SMS=4"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome;
  EXPECT_THAT(outcome.out, HasSubstr("virtual:0"));
  EXPECT_THAT(outcome.out, HasSubstr("No GPU here: the GPU is hidden by ETRT_CUDA_LIBRARY=none"));
  EXPECT_THAT(outcome.err, IsEmpty());
}

TEST(Devices, JsonHasEveryDevice) {
  const auto json =
      run_etrt({"devices", "--json"}, {"ETRT_VGPU_SMS=4", "ETRT_VGPU_DEVICES=2", "ETRT_VGPU_MEMORY=64"}).json();
  ASSERT_TRUE(json.is_object());
  ASSERT_EQ(json["devices"].size(), 2u);
  const auto& device = json["devices"][1];
  EXPECT_EQ(device["name"], "virtual:1");
  EXPECT_EQ(device["virtual"], true);
  EXPECT_EQ(device["sms"], 4);
  EXPECT_EQ(device["memory_bytes"], 64 << 20);
  EXPECT_EQ(device["partition"]["minimum"], 1);
  EXPECT_EQ(device["partition"]["alignment"], 1);
  EXPECT_TRUE(device["compute_capability"].is_null());
  EXPECT_THAT(json["why_no_gpu"].get<std::string>(), HasSubstr("hidden"));
}

TEST(Devices, SayWhatTensorRtWasFoundOrWhyNone) {
  const std::vector<std::string> missing{"ETRT_TENSORRT_LIBRARY=/nowhere/libnvinfer.so.11"};
  EXPECT_THAT(run_etrt({"devices"}, missing).out, HasSubstr("TensorRT: no library of TensorRT"));
  const auto json = run_etrt({"devices", "--json"}, missing).json();
  ASSERT_EQ(json["tensorrt"].size(), 2u);
  EXPECT_EQ(json["tensorrt"][0]["name"], "TensorRT");
  EXPECT_EQ(json["tensorrt"][1]["name"], "TensorRT-RTX");
  for (const auto& library : json["tensorrt"]) {
    EXPECT_TRUE(library["version"].is_null());
    EXPECT_THAT(library["why_none"].get<std::string>(), HasSubstr("/nowhere/libnvinfer.so.11"));
  }
}

}  // namespace
}  // namespace etrt::cli_test
