#include <string>

#include <base/format.h>
#include <base/try.h>
#include <cuda/current_context.h>
#include <etrt/options.h>
#include <memory/device_pools.h>

namespace etrt::memory {
namespace {

std::string shown(const std::optional<std::size_t>& limit) {
  return limit ? std::to_string(*limit) : "open";
}

Status check_same(const cuda::Device& device, const char* option, const std::optional<std::size_t>& set,
                  const std::optional<std::size_t>& asked) {
  if (!asked || asked == set) return {};
  return Error(ErrorCode::kInvalidState,
               base::concat("option '", option, "' is ", *asked, " here, and was ", shown(set),
                            " when the first program of this process was loaded on ", device.label,
                            ": give all programs there the same value, the first one included"));
}

}  // namespace

DevicePools::DevicePools(const cuda::Device& device)
    : device_(device),
      source_(device),
      heap_(device, source_),
      planned_(device, source_),
      pinned_(device, source_),
      scratch_(heap_) {}

Status DevicePools::apply(const Limits& limits) {
  const std::lock_guard lock(mutex_);
  if (limits_) {
    ETRT_TRY(check_same(device_, kOptionDeviceMemoryLimit, limits_->device, limits.device));
    return check_same(device_, kOptionPinnedMemoryLimit, limits_->pinned, limits.pinned);
  }
  limits_ = limits;
  source_.decide();
  if (limits.device) heap_.budget().set_limit(*limits.device);
  if (limits.pinned) pinned_.set_limit(*limits.pinned);
  return {};
}

void DevicePools::trim() noexcept {
  const auto scope = cuda::CurrentContext::push(device_.driver, device_.primary);
  pinned_.trim();
  heap_.retry_refused();
  planned_.retry_refused();
}

MemoryReport DevicePools::report() const {
  MemoryReport report;
  report.device = device_.label;
  report.device_bytes = heap_.budget().used();
  report.device_limit = heap_.budget().is_limited() ? heap_.budget().limit() : 0;
  report.scratch_bytes = scratch_.bytes();
  report.planned_bytes = planned_.budget().used();
  report.pinned_bytes = pinned_.bytes();
  report.pinned_limit = pinned_.has_hard_limit() ? pinned_.limit() : 0;
  report.abandoned_bytes = heap_.abandoned_bytes() + planned_.abandoned_bytes() + pinned_.abandoned_bytes();
  return report;
}

}  // namespace etrt::memory
