#include <algorithm>
#include <process/live_handles.h>

namespace etrt::process {

void LiveHandles::add(LiveHandle& handle) {
  const std::lock_guard lock(mutex_);
  handles_.push_back(&handle);
}

void LiveHandles::remove(const LiveHandle& handle) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(handles_, &handle);
}

Report LiveHandles::report(memory::ScratchPool& scratch) {
  const std::lock_guard lock(mutex_);
  Report report;
  for (LiveHandle* handle : handles_) {
    report.programs.push_back(handle->report());
    const cuda::Device& device = handle->device();
    const auto is_same = [&](const ScratchReport& known) { return known.device == device.label; };
    if (std::any_of(report.scratch.begin(), report.scratch.end(), is_same)) continue;
    report.scratch.push_back({device.label, scratch.bytes(device)});
  }
  return report;
}

}  // namespace etrt::process
