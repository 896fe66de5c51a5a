#include <utility>

#include <base/format.h>
#include <base/try.h>
#include <cuda/error.h>
#include <support/partition.h>

namespace etrt::support {
namespace {

using cuda::check;

Result<CUdevResource> device_sms(const cuda::Driver& driver, CUdevice device) {
  CUdevResource all{};
  ETRT_TRY(
      check(driver, driver.cuDeviceGetDevResource(device, &all, CU_DEV_RESOURCE_TYPE_SM), "cuDeviceGetDevResource"));
  return all;
}

Result<Partition> create_partition(const cuda::Driver& driver, CUdevice device, CUdevResource& sms) {
  CUdevResourceDesc description = nullptr;
  ETRT_TRY(check(driver, driver.cuDevResourceGenerateDesc(&description, &sms, 1), "cuDevResourceGenerateDesc"));
  CUgreenCtx green = nullptr;
  ETRT_TRY(check(driver, driver.cuGreenCtxCreate(&green, description, device, CU_GREEN_CTX_DEFAULT_STREAM),
                 "cuGreenCtxCreate"));
  Partition partition{cuda::GreenContext(driver, green), nullptr, sms.sm.smCount};
  ETRT_TRY(check(driver, driver.cuCtxFromGreenCtx(&partition.context, green), "cuCtxFromGreenCtx"));
  return partition;
}

}  // namespace

Result<SmLayout> sm_layout(const cuda::Driver& driver, CUdevice device) {
  ETRT_TRY_ASSIGN(CUdevResource all, device_sms(driver, device));
  CUdevResource smallest{};
  unsigned groups = 1;
  ETRT_TRY(check(driver, driver.cuDevSmResourceSplitByCount(&smallest, &groups, &all, nullptr, 0, 1),
                 "cuDevSmResourceSplitByCount"));
  return SmLayout{all.sm.smCount, smallest.sm.smCount};
}

Result<std::vector<Partition>> create_partitions(const cuda::Driver& driver, CUdevice device, unsigned count,
                                                 unsigned sms) {
  ETRT_TRY_ASSIGN(CUdevResource all, device_sms(driver, device));
  std::vector<CUdevResource> groups(count);
  unsigned made = count;
  ETRT_TRY(check(driver, driver.cuDevSmResourceSplitByCount(groups.data(), &made, &all, nullptr, 0, sms),
                 "cuDevSmResourceSplitByCount"));
  if (made < count) {
    return Error(ErrorCode::kNotSupported, base::concat("asked for ", count, " partitions of ", sms,
                                                        " SMs, the device's ", all.sm.smCount, " SMs give ", made));
  }
  std::vector<Partition> partitions;
  for (auto& group : groups) {
    ETRT_TRY_ASSIGN(auto partition, create_partition(driver, device, group));
    partitions.push_back(std::move(partition));
  }
  return partitions;
}

}  // namespace etrt::support
