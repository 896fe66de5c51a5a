// What CUDA promises about devices.
#include <cstring>

#include <conformance/suite.h>

namespace etrt::conformance {
namespace {

class Devices : public ContextFixture {
 protected:
  int attribute(CUdevice_attribute attribute) const {
    int value = -1;
    EXPECT_THAT(driver().cuDeviceGetAttribute(&value, attribute, device()), is_ok());
    return value;
  }
};
ETRT_ON_EVERY_PROVIDER(Devices);

TEST_P(Devices, ThereIsAtLeastOne) {
  int count = 0;
  ASSERT_THAT(driver().cuDeviceGetCount(&count), is_ok());
  EXPECT_GE(count, 1);
}

TEST_P(Devices, AreFoundByOrdinal) {
  int count = 0;
  ASSERT_THAT(driver().cuDeviceGetCount(&count), is_ok());
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    CUdevice found = -1;
    EXPECT_THAT(driver().cuDeviceGet(&found, ordinal), is_ok());
    EXPECT_EQ(found, ordinal);
  }
}

TEST_P(Devices, AnOrdinalOutOfRangeIsInvalid) {
  int count = 0;
  ASSERT_THAT(driver().cuDeviceGetCount(&count), is_ok());
  CUdevice found = -1;
  EXPECT_THAT(driver().cuDeviceGet(&found, count), fails_with(CUDA_ERROR_INVALID_DEVICE));
  EXPECT_THAT(driver().cuDeviceGet(&found, -1), fails_with(CUDA_ERROR_INVALID_DEVICE));
}

TEST_P(Devices, HaveAName) {
  char name[256] = {};
  ASSERT_THAT(driver().cuDeviceGetName(name, sizeof name, device()), is_ok());
  EXPECT_GT(std::strlen(name), 0u);
}

TEST_P(Devices, ANameIsCutToTheBufferAndTerminated) {
  char name[4];
  std::memset(name, '#', sizeof name);
  ASSERT_THAT(driver().cuDeviceGetName(name, sizeof name, device()), is_ok());
  EXPECT_LT(strnlen(name, sizeof name), sizeof name);
}

TEST_P(Devices, HaveMemoryOfWhichTheFreePartIsNoMoreThanTheWhole) {
  std::size_t device_total = 0;
  ASSERT_THAT(driver().cuDeviceTotalMem(&device_total, device()), is_ok());
  std::size_t free = 0;
  std::size_t total = 0;
  ASSERT_THAT(driver().cuMemGetInfo(&free, &total), is_ok());
  EXPECT_GT(device_total, 0u);
  EXPECT_GT(free, 0u);
  EXPECT_LE(free, total);
}

TEST_P(Devices, TellTheAbilitiesThatEtrtNeeds) {
  EXPECT_GE(attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT), 1);
  EXPECT_EQ(attribute(CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING), 1);
  EXPECT_EQ(attribute(CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED), 1);
  EXPECT_EQ(attribute(CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY), 1);
  EXPECT_GE(attribute(CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT), 1);
}

TEST_P(Devices, AnUnknownAttributeIsAnInvalidValue) {
  int value = 0;
  const auto unknown = static_cast<CUdevice_attribute>(0);
  EXPECT_THAT(driver().cuDeviceGetAttribute(&value, unknown, device()), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Devices, TheDriverIsAtLeastAsNewAsTheNewestRequiredEntryPoint) {
  int version = 0;
  ASSERT_THAT(driver().cuDriverGetVersion(&version), is_ok());
  EXPECT_GE(version, 12000);
}

TEST_P(Devices, InitialisingAgainIsHarmless) {
  EXPECT_THAT(driver().cuInit(0), is_ok());
}

TEST_P(Devices, InitialisingWithFlagsIsAnInvalidValue) {
  EXPECT_THAT(driver().cuInit(1), fails_with(CUDA_ERROR_INVALID_VALUE));
}

TEST_P(Devices, ANullOutputIsAnInvalidValue) {
  EXPECT_THAT(driver().cuDeviceGetCount(nullptr), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuDeviceGet(nullptr, 0), fails_with(CUDA_ERROR_INVALID_VALUE));
  EXPECT_THAT(driver().cuDriverGetVersion(nullptr), fails_with(CUDA_ERROR_INVALID_VALUE));
}

}  // namespace
}  // namespace etrt::conformance
