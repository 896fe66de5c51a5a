#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include <cuda.h>

namespace etrt::vgpu {

/// Calls the destructors of user objects one after another, on one thread: CUDA calls them asynchronously, and lets
/// them call nothing of the driver.
/// Threads: safe.
class DestructorThread {
 public:
  ~DestructorThread() { end(); }

  /// Makes the thread, whose first act is `begin`; once. Throws std::system_error where the system has none.
  void start(std::function<void()> begin);
  void post(CUhostFn destroy, void* argument);
  /// Calls everything that was posted; nothing that is posted later.
  void end();

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<std::pair<CUhostFn, void*>> due_;
  bool ending_ = false;
  std::thread thread_;
};

/// CUDA's user objects: things with a destructor, kept by counted references that callers and graphs own.
/// Threads: guarded by the machine's mutex.
class UserObjects {
 public:
  CUuserObject create(CUhostFn destroy, void* argument, unsigned references);
  bool contains(CUuserObject object) const { return objects_.contains(object); }
  std::size_t size() const { return objects_.size(); }

  /// Adds references that a graph owns; `move`: they were the callers'. Whether there were as many.
  bool retain(CUuserObject object, unsigned count, bool move);
  /// Takes references from the callers. Whether there were as many.
  bool release(CUuserObject object, unsigned count);
  void release_from_graph(CUuserObject object, unsigned count);

  DestructorThread destructors;

 private:
  struct Object {
    CUhostFn destroy;
    void* argument;
    std::size_t of_callers;
    std::size_t of_graphs;
  };
  using Entry = std::unordered_map<CUuserObject, Object>::iterator;

  void destroy_if_unused(Entry entry);

  std::unordered_map<CUuserObject, Object> objects_;
};

/// The references that one graph, executable or launch owns.
/// Threads: guarded by the machine's mutex. The objects must outlive it.
class UserReferences {
 public:
  explicit UserReferences(UserObjects& objects) : objects_(objects) {}
  /// A reference of one's own to each object of `other`.
  UserReferences(const UserReferences& other);
  UserReferences& operator=(const UserReferences&) = delete;
  ~UserReferences();

  /// False: the callers have fewer than `count` to move.
  bool add(CUuserObject object, unsigned count, bool move);

 private:
  UserObjects& objects_;
  std::vector<std::pair<CUuserObject, unsigned>> owned_;
};

}  // namespace etrt::vgpu
