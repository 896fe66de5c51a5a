#include <cerrno>
#include <set>
#include <unistd.h>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

/// Like an H200: 132 SMs, partitions of 8 and multiples of 8.
Config large_config() {
  Config config;
  config.device_count = 2;
  config.sm_count = 132;
  config.sm_partition_minimum = 8;
  config.sm_partition_alignment = 8;
  config.memory_bytes = std::size_t{32} << 20;
  return config;
}

class Configuration : public VgpuTest {
 protected:
  Configuration() : VgpuTest(large_config()) {}

  CUdevResource all_sms() {
    CUdevResource all{};
    EXPECT_EQ(driver().cuDeviceGetDevResource(0, &all, CU_DEV_RESOURCE_TYPE_SM), CUDA_SUCCESS);
    return all;
  }
};

TEST_F(Configuration, HasTheDevicesAskedFor) {
  int count = 0;
  EXPECT_EQ(driver().cuDeviceGetCount(&count), CUDA_SUCCESS);
  EXPECT_EQ(count, 2);
  CUdevice device = -1;
  EXPECT_EQ(driver().cuDeviceGet(&device, 1), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuDeviceGet(&device, 2), CUDA_ERROR_INVALID_DEVICE);
}

TEST_F(Configuration, HasTheSmsAskedFor) {
  int sms = 0;
  EXPECT_EQ(driver().cuDeviceGetAttribute(&sms, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0), CUDA_SUCCESS);
  EXPECT_EQ(sms, 132);
  EXPECT_EQ(all_sms().sm.smCount, 132u);
}

TEST_F(Configuration, HasTheMemoryAskedFor) {
  std::size_t total = 0;
  EXPECT_EQ(driver().cuDeviceTotalMem(&total, 0), CUDA_SUCCESS);
  EXPECT_EQ(total, large_config().memory_bytes);
}

TEST_F(Configuration, MoreMemoryThanThereIsIsOutOfMemory) {
  CUdeviceptr address = 0;
  EXPECT_EQ(driver().cuMemAlloc(&address, large_config().memory_bytes + 1), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(driver().cuMemAlloc(&address, large_config().memory_bytes), CUDA_SUCCESS);
  CUdeviceptr more = 0;
  EXPECT_EQ(driver().cuMemAlloc(&more, 1), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(driver().cuMemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(driver().cuMemAlloc(&more, 1), CUDA_SUCCESS);
}

TEST_F(Configuration, FreedAddressesAreNotGivenAgainAtOnce) {
  std::set<CUdeviceptr> seen;
  for (int i = 0; i < 100; ++i) {
    const CUdeviceptr address = make_buffer();
    EXPECT_EQ(address % 512, 0u);
    EXPECT_TRUE(seen.insert(address).second);
    EXPECT_EQ(driver().cuMemFree(address), CUDA_SUCCESS);
  }
}

TEST_F(Configuration, TheHostCannotTouchDeviceMemory) {
  // The kernel answers EFAULT where a dereference would fault.
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const CUdeviceptr address = make_buffer();
  EXPECT_EQ(write(ends[1], reinterpret_cast<const void*>(address), 1), -1);
  EXPECT_EQ(errno, EFAULT);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(Configuration, SplitsIntoTheGroupsOfARealDevice) {
  const CUdevResource all = all_sms();
  EXPECT_EQ(all.sm.minSmPartitionSize, 8u);
  EXPECT_EQ(all.sm.smCoscheduledAlignment, 8u);
  CUdevResource groups[2]{};
  CUdevResource rest{};
  unsigned count = 2;
  ASSERT_EQ(driver().cuDevSmResourceSplitByCount(groups, &count, &all, &rest, 0, 16), CUDA_SUCCESS);
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(groups[0].sm.smCount, 16u);
  EXPECT_EQ(groups[1].sm.smCount, 16u);
  EXPECT_EQ(rest.sm.smCount, 100u);
}

TEST_F(Configuration, RoundsAPartitionUpToTheAlignment) {
  const CUdevResource all = all_sms();
  CUdevResource group{};
  unsigned count = 1;
  ASSERT_EQ(driver().cuDevSmResourceSplitByCount(&group, &count, &all, nullptr, 0, 9), CUDA_SUCCESS);
  EXPECT_EQ(group.sm.smCount, 16u);
  ASSERT_EQ(driver().cuDevSmResourceSplitByCount(&group, &count, &all, nullptr, 0, 1), CUDA_SUCCESS);
  EXPECT_EQ(group.sm.smCount, 8u);
}

TEST_F(Configuration, ASizeThatOnlyTheAlignmentMakesTooLargeIsTheWholeDevice) {
  const CUdevResource all = all_sms();
  for (const auto& [asked, given] : {std::pair(124u, 128u), {129u, 132u}, {132u, 132u}}) {
    CUdevResource group{};
    CUdevResource rest{};
    unsigned count = 1;
    ASSERT_EQ(driver().cuDevSmResourceSplitByCount(&group, &count, &all, &rest, 0, asked), CUDA_SUCCESS);
    EXPECT_EQ(group.sm.smCount, given);
    EXPECT_EQ(rest.sm.smCount, 132u - given);
  }
}

TEST_F(Configuration, GroupsThatNeedNoCoschedulingComeInPairs) {
  const CUdevResource all = all_sms();
  CUdevResource group{};
  unsigned count = 1;
  ASSERT_EQ(driver().cuDevSmResourceSplitByCount(&group, &count, &all, nullptr,
                                                 CU_DEV_SM_RESOURCE_SPLIT_IGNORE_SM_COSCHEDULING, 1),
            CUDA_SUCCESS);
  EXPECT_EQ(group.sm.smCount, 2u);
}

TEST_F(Configuration, AGroupAndTheRestLoseTheAlignment) {
  const CUdevResource all = all_sms();
  CUdevResource groups[3]{};
  CUdevResource parts[2]{};
  unsigned count = 3;
  ASSERT_EQ(driver().cuDevSmResourceSplitByCount(groups, &count, &all, &parts[1], 0, 8), CUDA_SUCCESS);
  parts[0] = groups[0];
  CUdevResourceDesc description = nullptr;
  CUgreenCtx partition = nullptr;
  CUdevResource own{};
  ASSERT_EQ(driver().cuDevResourceGenerateDesc(&description, parts, 2), CUDA_SUCCESS);
  ASSERT_EQ(driver().cuGreenCtxCreate(&partition, description, 0, CU_GREEN_CTX_DEFAULT_STREAM), CUDA_SUCCESS);
  ASSERT_EQ(driver().cuGreenCtxGetDevResource(partition, &own, CU_DEV_RESOURCE_TYPE_SM), CUDA_SUCCESS);
  EXPECT_EQ(own.sm.smCount, 116u);
  EXPECT_EQ(own.sm.minSmPartitionSize, 2u);
  EXPECT_EQ(own.sm.smCoscheduledAlignment, 2u);
}

TEST_F(Configuration, ASplitCanBeSimulated) {
  const CUdevResource all = all_sms();
  unsigned count = 0;
  ASSERT_EQ(driver().cuDevSmResourceSplitByCount(nullptr, &count, &all, nullptr, 0, 16), CUDA_SUCCESS);
  EXPECT_EQ(count, 8u);
}

TEST(ConfigurationDefaults, AreThisMachine) {
  const VirtualGpu gpu;
  ASSERT_EQ(gpu.driver().cuInit(0), CUDA_SUCCESS);
  int sms = 0;
  EXPECT_EQ(gpu.driver().cuDeviceGetAttribute(&sms, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0), CUDA_SUCCESS);
  EXPECT_GE(sms, 1);
  EXPECT_TRUE(gpu.driver().has_partitions());
}

TEST(ConfigurationDefaults, NoDeviceIsAnErrorOfInit) {
  Config config;
  config.device_count = 0;
  const VirtualGpu gpu(config);
  EXPECT_EQ(gpu.driver().cuInit(0), CUDA_ERROR_NO_DEVICE);
}

}  // namespace
}  // namespace etrt::vgpu::test
