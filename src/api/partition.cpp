#include <etrt/partition.h>

#include <utility>

#include <api/in_context.h>
#include <base/format.h>

namespace etrt {
namespace {

Error refused_size(const cuda::Device& device, int wanted, unsigned left) {
  std::string message = base::concat("a partition of ", wanted, " SMs cannot be made on ", device.label, ": ", left,
                                     " of its ", device.sm_count, " SMs are left to take");
  if (const auto limits = cuda::sm_limits(device); limits.ok()) {
    message += base::concat("; sizes are multiples of ", limits->alignment, " from ", limits->minimum, " up");
  }
  return Error(ErrorCode::kInvalidArgument, std::move(message));
}

/// Takes `sm_count` SMs off `remaining`, which keeps what is left.
Result<CUdevResource> take(const cuda::Device& device, CUdevResource& remaining, int sm_count) {
  const unsigned left = remaining.type == CU_DEV_RESOURCE_TYPE_SM ? remaining.sm.smCount : 0;
  if (sm_count < 1 || static_cast<unsigned>(sm_count) > left) return refused_size(device, sm_count, left);
  CUdevResource taken{};
  CUdevResource rest{};
  unsigned groups = 1;
  const CUresult result = device.driver.cuDevSmResourceSplitByCount(&taken, &groups, &remaining, &rest, 0,
                                                                    static_cast<unsigned>(sm_count));
  // The driver rounds a size up to what the device allows; a partition here has the size that was asked, or none.
  if (result == CUDA_SUCCESS && (groups != 1 || taken.sm.smCount != static_cast<unsigned>(sm_count))) {
    return refused_size(device, sm_count, left);
  }
  ETRT_TRY(cuda::check(device.driver, result, "cuDevSmResourceSplitByCount"));
  remaining = rest;
  return taken;
}

Result<CUgreenCtx> create_green_context(const cuda::Device& device, CUdevResource& resource) {
  CUdevResourceDesc description = nullptr;
  ETRT_TRY(cuda::check(device.driver, device.driver.cuDevResourceGenerateDesc(&description, &resource, 1),
                       "cuDevResourceGenerateDesc"));
  CUgreenCtx context = nullptr;
  ETRT_TRY(cuda::check(
      device.driver,
      device.driver.cuGreenCtxCreate(&context, description, device.ordinal, CU_GREEN_CTX_DEFAULT_STREAM),
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
  ETRT_TRY_ASSIGN(const auto scope,
                  cuda::CurrentContext::ensure(native.driver, native.ordinal, native.primary));
  CUdevResource remaining{};
  ETRT_TRY(cuda::check(native.driver,
                       native.driver.cuDeviceGetDevResource(native.ordinal, &remaining, CU_DEV_RESOURCE_TYPE_SM),
                       "cuDeviceGetDevResource"));
  std::vector<Partition> partitions;
  for (const int sm_count : sm_counts) {
    ETRT_TRY_ASSIGN(CUdevResource taken, take(native, remaining, sm_count));
    ETRT_TRY_ASSIGN(CUgreenCtx context, create_green_context(native, taken));
    partitions.push_back(Partition(device, context, sm_count));
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
