#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <cuda/device.h>
#include <cuda/error.h>
#include <etrt/device.h>

namespace etrt::cuda {
namespace {

Result<int> attribute(const Driver& driver, CUdevice device, CUdevice_attribute which) {
  int value = 0;
  ETRT_TRY(check(driver, driver.cuDeviceGetAttribute(&value, which, device), "cuDeviceGetAttribute"));
  return value;
}

}  // namespace
}  // namespace etrt::cuda

namespace etrt {

Result<cuda::Device> cuda::Device::open(const cuda::Driver& driver, int ordinal, bool is_virtual) {
  using namespace cuda;
  CUdevice device = 0;
  ETRT_TRY(check(driver, driver.cuDeviceGet(&device, ordinal), "cuDeviceGet"));
  char description[256] = {};
  ETRT_TRY(check(driver, driver.cuDeviceGetName(description, sizeof(description), device), "cuDeviceGetName"));
  std::size_t bytes = 0;
  ETRT_TRY(check(driver, driver.cuDeviceTotalMem(&bytes, device), "cuDeviceTotalMem"));
  ETRT_TRY_ASSIGN(const int sms, attribute(driver, device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
  ETRT_TRY_ASSIGN(const int major, attribute(driver, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR));
  ETRT_TRY_ASSIGN(const int minor, attribute(driver, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));

  CUcontext primary = nullptr;
  ETRT_TRY(check(driver, driver.cuDevicePrimaryCtxRetain(&primary, device), "cuDevicePrimaryCtxRetain"));
  return cuda::Device{.driver = driver,
                      .ordinal = device,
                      .primary = primary,
                      .is_virtual = is_virtual,
                      .label = base::concat(is_virtual ? "virtual:" : "cuda:", ordinal),
                      .description = description,
                      .sm_count = sms,
                      .compute_major = major,
                      .compute_minor = minor,
                      .memory_bytes = bytes,
                      .primary_reference = PrimaryContextReference(driver, device)};
}

}  // namespace etrt

namespace etrt::cuda {

Result<PartitionLimits> partition_limits(const Device& device) {
  const Driver& driver = device.driver;
  if (!driver.has_partitions()) {
    return Error(ErrorCode::kNotSupported, "the driver has no green contexts: SM partitions need CUDA 12.5 or later");
  }
  ETRT_TRY_ASSIGN(const auto scope, CurrentContext::ensure(driver, device.ordinal, device.primary));
  CUdevResource whole{};
  ETRT_TRY(check(driver, driver.cuDeviceGetDevResource(device.ordinal, &whole, CU_DEV_RESOURCE_TYPE_SM),
                 "cuDeviceGetDevResource"));
  CUdevResource smallest{};
  unsigned groups = 1;
  ETRT_TRY(check(driver, driver.cuDevSmResourceSplitByCount(&smallest, &groups, &whole, nullptr, 0, 1),
                 "cuDevSmResourceSplitByCount"));
  const int minimum = static_cast<int>(smallest.sm.smCount);
  // The next size up shows the alignment; a device that can hold one smallest partition alone has none to show.
  CUdevResource next{};
  groups = 1;
  const CUresult larger = driver.cuDevSmResourceSplitByCount(&next, &groups, &whole, nullptr, 0, minimum + 1);
  const int alignment = larger == CUDA_SUCCESS && groups == 1 ? static_cast<int>(next.sm.smCount) - minimum : minimum;
  return PartitionLimits{minimum, alignment};
}

}  // namespace etrt::cuda
