#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <etrt/report.h>

namespace etrt::delegate {

class Handle;

/// The handles of this process, for the report. Threads: safe.
class HandleList {
 public:
  void add(Handle& handle);

  /// Waits while somebody asks the handle for what takes time.
  void remove(const Handle& handle) noexcept;

  /// A failure of a handle that is going, which no call was told of.
  void add_failure(const std::string& text);

  /// Asks every handle, none of which waits.
  Report report();

  /// Asks every handle; holds no lock while one waits for its work.
  std::vector<ProgramLayers> layer_times();

 private:
  struct Entry {
    Handle* handle;
    int asked = 0;  ///< by how many without the lock: it must not go meanwhile
  };

  Entry* find(const Handle& handle);

  std::mutex mutex_;
  std::condition_variable answered_;
  std::vector<Entry> handles_;
  std::vector<std::string> failures_;
};

}  // namespace etrt::delegate
