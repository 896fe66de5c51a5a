#include <algorithm>

#include <delegate/handle.h>
#include <delegate/handle_list.h>
#include <delegate/runtime.h>

namespace etrt {
namespace delegate {
namespace {

/// Failures of programs that are gone are few or all alike.
constexpr std::size_t kKeptFailures = 16;

}  // namespace

HandleList::Entry* HandleList::find(const Handle& handle) {
  const auto is_it = [&](const Entry& entry) { return entry.handle == &handle; };
  const auto found = std::find_if(handles_.begin(), handles_.end(), is_it);
  return found == handles_.end() ? nullptr : &*found;
}

void HandleList::add(Handle& handle) {
  const std::lock_guard lock(mutex_);
  handles_.push_back({&handle});
}

void HandleList::remove(const Handle& handle) noexcept {
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [&] { return find(handle) == nullptr || find(handle)->asked == 0; });
  std::erase_if(handles_, [&](const Entry& entry) { return entry.handle == &handle; });
}

void HandleList::add_failure(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (failures_.size() == kKeptFailures) failures_.erase(failures_.begin());
  failures_.push_back(text);
}

Report HandleList::report() {
  const std::lock_guard lock(mutex_);
  Report report;
  report.untold_failures = failures_;
  report.abandoned_programs = Runtime::instance().abandoned.count();
  for (const Entry& entry : handles_) report.programs.push_back(entry.handle->report());
  report.memory = Runtime::instance().pools.report();
  return report;
}

std::vector<ProgramLayers> HandleList::layer_times() {
  std::vector<ProgramLayers> layers;
  std::vector<Handle*> asked;
  std::unique_lock lock(mutex_);
  for (Entry& entry : handles_) {
    asked.push_back(entry.handle);
    ++entry.asked;
  }
  for (Handle* handle : asked) {
    lock.unlock();
    layers.push_back(handle->layer_times());
    lock.lock();
    --find(*handle)->asked;
    answered_.notify_all();
  }
  return layers;
}

}  // namespace delegate

Report report() {
  return delegate::Runtime::instance().handles.report();
}

void time_layers(bool on) noexcept {
  delegate::Runtime::instance().times_layers = on;
}

std::vector<ProgramLayers> layer_times() {
  return delegate::Runtime::instance().handles.layer_times();
}

}  // namespace etrt
