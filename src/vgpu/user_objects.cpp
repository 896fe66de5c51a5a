#include <vgpu/handle.h>
#include <vgpu/user_objects.h>

namespace etrt::vgpu {

void DestructorThread::end() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  posted_.notify_one();
  thread_.join();
}

void DestructorThread::start(std::function<void()> begin) {
  if (thread_.joinable()) return;
  thread_ = std::thread([this, begin = std::move(begin)] {
    begin();
    run();
  });
}

void DestructorThread::post(CUhostFn destroy, void* argument) {
  {
    const std::lock_guard lock(mutex_);
    due_.emplace_back(destroy, argument);
  }
  posted_.notify_one();
}

void DestructorThread::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    posted_.wait(lock, [this] { return !due_.empty() || ending_; });
    if (due_.empty()) return;
    const auto due = std::exchange(due_, {});
    lock.unlock();
    for (const auto& [destroy, argument] : due) destroy(argument);
    lock.lock();
  }
}

CUuserObject UserObjects::create(CUhostFn destroy, void* argument, unsigned references) {
  const auto object = next_handle<CUuserObject>();
  objects_.emplace(object, Object{destroy, argument, references, 0});
  return object;
}

bool UserObjects::retain(CUuserObject object, unsigned count, bool move) {
  Object& found = objects_.at(object);
  if (move && found.of_callers < count) return false;
  if (move) found.of_callers -= count;
  found.of_graphs += count;
  return true;
}

bool UserObjects::release(CUuserObject object, unsigned count) {
  const auto entry = objects_.find(object);
  if (entry == objects_.end() || entry->second.of_callers < count) return false;
  entry->second.of_callers -= count;
  destroy_if_unused(entry);
  return true;
}

void UserObjects::release_from_graph(CUuserObject object, unsigned count) {
  const auto entry = objects_.find(object);
  entry->second.of_graphs -= count;
  destroy_if_unused(entry);
}

void UserObjects::destroy_if_unused(Entry entry) {
  const Object object = entry->second;
  if (object.of_callers + object.of_graphs != 0) return;
  objects_.erase(entry);
  destructors.post(object.destroy, object.argument);
}

UserReferences::UserReferences(const UserReferences& other) : objects_(other.objects_) {
  owned_.reserve(other.owned_.size());
  for (const auto& [object, count] : other.owned_) add(object, 1, false);
}

UserReferences::~UserReferences() {
  for (const auto& [object, count] : owned_) objects_.release_from_graph(object, count);
}

bool UserReferences::add(CUuserObject object, unsigned count, bool move) {
  owned_.reserve(owned_.size() + 1);
  if (!objects_.retain(object, count, move)) return false;
  owned_.emplace_back(object, count);
  return true;
}

}  // namespace etrt::vgpu
