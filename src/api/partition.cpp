#include <cstdint>
#include <numeric>
#include <span>
#include <utility>

#include <api/in_context.h>
#include <base/format.h>
#include <etrt/partition.h>

namespace etrt {
namespace {

Error refused_sizes(const cuda::Device& device, const std::vector<int>& sizes) {
  std::string asked;
  for (const int size : sizes) asked += base::concat(asked.empty() ? "" : " + ", size);
  std::string message =
      base::concat("partitions of ", asked, " SMs cannot be made on ", device.label, ", which has ", device.sm_count);
  if (const auto limits = cuda::partition_limits(device); limits.ok()) {
    message += base::concat(": sizes are multiples of ", limits->alignment, " from ", limits->minimum, " up");
  }
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

/// Groups of one size that add up to all of `sizes`. The driver splits a device once and never splits a part again, so
/// sizes that differ are put together from groups of their greatest common divisor.
Result<std::vector<CUdevResource>> split_into_groups(const cuda::Device& device, const std::vector<int>& sizes,
                                                     unsigned group_size) {
  const auto total = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  auto count = static_cast<unsigned>(total / group_size);
  std::vector<CUdevResource> groups(count);
  CUdevResource whole{};
  CUdevResource rest{};
  ETRT_TRY(cuda::check(device.driver,
                       device.driver.cuDeviceGetDevResource(device.ordinal, &whole, CU_DEV_RESOURCE_TYPE_SM),
                       "cuDeviceGetDevResource"));
  ETRT_TRY(cuda::check(device.driver,
                       device.driver.cuDevSmResourceSplitByCount(groups.data(), &count, &whole, &rest, 0, group_size),
                       "cuDevSmResourceSplitByCount"));
  // The driver rounds a size up to what the device allows; a partition here has the size that was asked, or none.
  if (count != groups.size() || groups.front().sm.smCount != group_size) return refused_sizes(device, sizes);
  return groups;
}

Result<CUgreenCtx> create_green_context(const cuda::Device& device, std::span<CUdevResource> groups) {
  CUdevResourceDesc description = nullptr;
  ETRT_TRY(cuda::check(
      device.driver,
      device.driver.cuDevResourceGenerateDesc(&description, groups.data(), static_cast<unsigned>(groups.size())),
      "cuDevResourceGenerateDesc"));
  CUgreenCtx context = nullptr;
  ETRT_TRY(cuda::check(
      device.driver, device.driver.cuGreenCtxCreate(&context, description, device.ordinal, CU_GREEN_CTX_DEFAULT_STREAM),
      "cuGreenCtxCreate"));
  return context;
}

}  // namespace

Result<Partition> Partition::create(const Device& device, int sm_count) {
  ETRT_TRY_ASSIGN(auto partitions, split(device, {sm_count}));
  return std::move(partitions.front());
}

Result<std::vector<Partition>> Partition::split(const Device& device, const std::vector<int>& sm_counts) {
  const cuda::Device& native = device.native();
  if (!native.driver.has_partitions()) {
    return Error(ErrorCode::kNotSupported, "the driver has no green contexts: SM partitions need CUDA 12.5 or later");
  }
  ETRT_TRY_ASSIGN(const auto scope, cuda::CurrentContext::ensure(native.driver, native.ordinal, native.primary));
  int group_size = 0;
  std::int64_t total = 0;
  for (const int sm_count : sm_counts) {
    if (sm_count < 1) return refused_sizes(native, sm_counts);
    group_size = std::gcd(group_size, sm_count);
    total += sm_count;
  }
  if (total > native.sm_count) return refused_sizes(native, sm_counts);
  std::vector<Partition> partitions;
  if (sm_counts.empty()) return partitions;
  ETRT_TRY_ASSIGN(auto groups, split_into_groups(native, sm_counts, static_cast<unsigned>(group_size)));
  std::span<CUdevResource> left(groups);
  for (const int sm_count : sm_counts) {
    const auto needed = static_cast<std::size_t>(sm_count / group_size);
    ETRT_TRY_ASSIGN(CUgreenCtx context, create_green_context(native, left.first(needed)));
    partitions.push_back(Partition(device, context, sm_count));
    left = left.subspan(needed);
  }
  return partitions;
}

Partition::Partition(Partition&& other) noexcept
    : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)), sm_count_(other.sm_count_) {}

Partition& Partition::operator=(Partition&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(handle_, other.handle_);
  std::swap(sm_count_, other.sm_count_);
  return *this;
}

Partition::~Partition() {
  if (handle_ != nullptr) static_cast<void>(device_.native().driver.cuGreenCtxDestroy(handle_));
}

Result<Stream> Partition::create_stream() const {
  const cuda::Driver& driver = device_.native().driver;
  CUstream stream = nullptr;
  ETRT_TRY(cuda::check(driver, driver.cuGreenCtxStreamCreate(&stream, handle_, CU_STREAM_NON_BLOCKING, 0),
                       "cuGreenCtxStreamCreate"));
  return Stream(device_, stream);
}

}  // namespace etrt
