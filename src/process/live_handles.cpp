#include <algorithm>

#include <process/live_handles.h>

namespace etrt::process {
namespace {

/// Failures of programs that are gone are few or all alike.
constexpr std::size_t kKeptFailures = 16;

}  // namespace

LiveHandles::Entry* LiveHandles::find(const LiveHandle& handle) {
  const auto is_it = [&](const Entry& entry) { return entry.handle == &handle; };
  const auto found = std::find_if(handles_.begin(), handles_.end(), is_it);
  return found == handles_.end() ? nullptr : &*found;
}

void LiveHandles::add(LiveHandle& handle) {
  const std::lock_guard lock(mutex_);
  handles_.push_back({&handle});
}

void LiveHandles::remove(const LiveHandle& handle) noexcept {
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [&] { return find(handle) == nullptr || find(handle)->asked == 0; });
  std::erase_if(handles_, [&](const Entry& entry) { return entry.handle == &handle; });
}

void LiveHandles::add_failure(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (failures_.size() == kKeptFailures) failures_.erase(failures_.begin());
  failures_.push_back(text);
}

Report LiveHandles::report() {
  const std::lock_guard lock(mutex_);
  Report report;
  report.untold_failures = failures_;
  for (const Entry& entry : handles_) report.programs.push_back(entry.handle->report());
  return report;
}

std::vector<ProgramLayers> LiveHandles::layer_times() {
  std::vector<ProgramLayers> layers;
  std::vector<LiveHandle*> asked;
  std::unique_lock lock(mutex_);
  for (Entry& entry : handles_) {
    asked.push_back(entry.handle);
    ++entry.asked;
  }
  for (LiveHandle* handle : asked) {
    lock.unlock();
    layers.push_back(handle->layer_times());
    lock.lock();
    --find(*handle)->asked;
    answered_.notify_all();
  }
  return layers;
}

}  // namespace etrt::process
