#include <algorithm>

#include <delegate/handle.h>
#include <delegate/handle_list.h>
#include <delegate/runtime.h>

namespace etrt {
namespace delegate {

void HandleList::add(Handle& handle) {
  const std::lock_guard lock(mutex_);
  handles_.push_back(&handle);
}

void HandleList::remove(const Handle& handle) noexcept {
  const std::lock_guard lock(mutex_);
  std::erase(handles_, &handle);
}

Report HandleList::report() {
  const std::lock_guard lock(mutex_);
  Report report;
  for (Handle* handle : handles_) report.programs.push_back(handle->report());
  report.memory = Runtime::instance().pools.report();
  return report;
}

}  // namespace delegate

Report report() {
  return delegate::Runtime::instance().handles.report();
}

void time_layers(bool on) noexcept {
  delegate::Runtime::instance().times_layers = on;
}

}  // namespace etrt
