#pragma once

#include <map>
#include <mutex>
#include <vector>

#include <etrt/report.h>
#include <memory/device_pools.h>

namespace etrt::memory {

/// The memory of every device of the process, made when a device is first asked for.
/// Threads: safe. Devices must outlive it.
class Pools {
 public:
  DevicePools& of(const cuda::Device& device) {
    const std::lock_guard lock(mutex_);
    return devices_.try_emplace(&device, device).first->second;
  }

  /// Of the devices that were asked for. Waits for nobody.
  std::vector<MemoryReport> report() const {
    const std::lock_guard lock(mutex_);
    std::vector<MemoryReport> reports;
    for (const auto& [device, pools] : devices_) reports.push_back(pools.report());
    return reports;
  }

 private:
  mutable std::mutex mutex_;
  std::map<const cuda::Device*, DevicePools> devices_;
};

}  // namespace etrt::memory
